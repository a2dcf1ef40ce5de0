//! From YAML or JSON text to objects, as Argo CD splits and reads manifests.

use serde_json::{Number, Value};

use super::RenderError;
use crate::model::Manifest;
use crate::yaml;

/// What a text holds, up to the first fault.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// The objects; documents without content are left out.
    pub(super) objects: Vec<Value>,
    /// What ended the reading, with its line.
    pub(super) error: Option<String>,
}

impl Documents {
    fn add(&mut self, value: Value) -> Result<(), String> {
        if !value.is_null() {
            check(&value)?;
            self.objects.push(value);
        }
        Ok(())
    }
}

/// Reads a file of Kubernetes objects as apimachinery's `YAMLOrJSONDecoder`: text that begins with `{` is a stream of
/// JSON values, and YAML where that fails; all else is YAML.
pub(super) fn read(text: &str) -> Documents {
    let mut documents = Documents::default();
    if text.trim_start().starts_with('{') {
        match json_stream(text, &mut documents) {
            Ok(None) => {}
            Ok(Some(rest)) => yaml_from(text, rest, &mut documents),
            Err(error) => documents.error = Some(error),
        }
    } else {
        yaml_from(text, 0, &mut documents);
    }
    documents
}

/// Reads YAML documents only (what Helm prints).
pub(super) fn read_yaml(text: &str) -> Documents {
    let mut documents = Documents::default();
    yaml_from(text, 0, &mut documents);
    documents
}

/// Reads a stream of JSON values. Gives the place where the stream stops being JSON, as long as it may be YAML.
fn json_stream(text: &str, documents: &mut Documents) -> Result<Option<usize>, String> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut count = 0;
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return Ok(None),
            Some(Ok(mut value)) => {
                go_numbers(&mut value, 0);
                documents.add(value)?;
                count += 1;
            }
            Some(Err(error)) if count > 1 => return Err(error.to_string()),
            Some(Err(_)) => return Ok(Some(start + leading_space(text.get(start..).unwrap_or_default()))),
        }
    }
}

/// Length of the white space up to and including the first line break.
fn leading_space(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    text.get(..end).and_then(|space| space.find('\n')).map_or(end, |newline| newline + 1)
}

fn yaml_from(text: &str, start: usize, documents: &mut Documents) {
    let before = text.get(..start).unwrap_or_default().matches('\n').count();
    for chunk in chunks(text.get(start..).unwrap_or_default()) {
        let read =
            chunk.and_then(|(line, chunk)| document(chunk, before + line)).and_then(|value| documents.add(value));
        if let Err(error) = read {
            documents.error = Some(error);
            return;
        }
    }
}

/// The documents of a text with the lines before each: a line that begins with `---` separates, whatever YAML says.
fn chunks(text: &str) -> impl Iterator<Item = Result<(usize, &str), String>> {
    let mut found = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let next = offset + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            found.push(Ok((start_line, text.get(start..offset).unwrap_or_default())));
            (start, start_line) = (next, number + 1);
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                found.push(Err(format!("line {}: invalid Yaml document separator: {rest}", number + 1)));
                return found.into_iter();
            }
        }
        offset = next;
    }
    found.push(Ok((start_line, text.get(start..).unwrap_or_default())));
    found.into_iter()
}

/// The first document of a chunk; the rest of it is not read, as in Go.
fn document(chunk: &str, lines_before: usize) -> Result<Value, String> {
    let parsed = yaml::parse(chunk);
    let failed = |error: &yaml::YamlError| {
        format!("error converting YAML to JSON: yaml: line {}: {}", error.mark.line + lines_before, error.message)
    };
    match (parsed.documents.first(), &parsed.error) {
        (_, Some(error)) => Err(failed(error)),
        (Some(document), None) => document.json().map_err(|error| failed(&error)),
        (None, None) => Ok(Value::Null),
    }
}

/// What apimachinery asks of an object: a mapping with a kind.
fn check(value: &Value) -> Result<(), String> {
    let found = match value {
        Value::Object(map) => {
            let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
            return if kind.is_empty() { Err("Object 'Kind' is missing".into()) } else { Ok(()) };
        }
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(_) | Value::Null => "number",
    };
    Err(format!("cannot unmarshal {found} into an object"))
}

/// One JSON object, with nothing after it.
pub(super) fn single_json(text: &str) -> Result<Value, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut object = values.next().ok_or_else(|| "EOF".to_owned())?.map_err(|error| error.to_string())?;
    let rest = text.get(values.byte_offset()..).unwrap_or_default();
    if !rest.trim().is_empty() {
        return Err("found multiple objects; only single objects are allowed in JSON files".into());
    }
    check(&object)?;
    go_numbers(&mut object, 0);
    Ok(object)
}

/// Go writes whole floats without a fraction: `1.0` becomes `1`. The depth is bounded by serde_json's own limit.
fn go_numbers(value: &mut Value, depth: usize) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9.0e15);
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(items) if depth < 128 => items.iter_mut().for_each(|item| go_numbers(item, depth + 1)),
        Value::Object(map) if depth < 128 => map.values_mut().for_each(|item| go_numbers(item, depth + 1)),
        _ => {}
    }
}

/// Text of a file: UTF-8, or UTF-16 with a byte order mark.
pub(super) fn text(bytes: &[u8]) -> String {
    let utf16 = |unit: fn([u8; 2]) -> u16, rest: &[u8]| {
        let units: Vec<u16> = rest.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?))).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => utf16(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Replaces objects with a list of `items` by those items, once, and drops lists that are `null`.
pub(super) fn expand_lists(objects: Vec<Value>) -> Result<Vec<Manifest>, RenderError> {
    let mut all = Vec::with_capacity(objects.len());
    for mut object in objects {
        let null_list = || object.get("spec").is_none() && object.get("status").is_none();
        match object.get("items") {
            Some(Value::Array(_)) => {
                if let Some(Value::Array(items)) = object.get_mut("items").map(Value::take) {
                    for item in items {
                        all.push(manifest(item)?);
                    }
                }
            }
            Some(Value::Null) if null_list() => {}
            _ => all.push(manifest(object)?),
        }
    }
    Ok(all)
}

fn manifest(value: Value) -> Result<Manifest, RenderError> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let place = format!("{} {:?}", text("/kind"), text("/metadata/name"));
    Manifest::new(value).map_err(|source| RenderError::Object { place: place.trim_start().to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{read, single_json, text};

    #[test]
    fn texts_split_as_apimachinery_splits_them() {
        let cases = [
            ("kind: A\n---\nkind: B\n--- # c\n---\nkind: C", 3, None),
            ("{\"kind\": \"A\"}{\"kind\": \"B\"}", 2, None),
            ("{\"kind\": \"A\", \"n\": 1.0}\n---\n{\"kind\": \"B\"}", 2, None),
            ("{kind: A}", 1, None),
            ("# only a comment\n", 0, None),
            ("kind: A\n--- kind: B\n", 1, Some("line 2: invalid Yaml document separator: kind: B")),
            ("kind: A\n---\nx: 1\n", 1, Some("Object 'Kind' is missing")),
            ("kind: A\n---\n- 1\n", 1, Some("cannot unmarshal array into an object")),
            ("kind: A\n---\nkind: [\n", 1, Some("yaml: line ")),
        ];
        for (text, count, error) in cases {
            let documents = read(text);
            assert_eq!(documents.objects.len(), count, "{text}");
            let found = documents.error.unwrap_or_default();
            assert!(error.map_or(found.is_empty(), |error| found.contains(error)), "{text}: {found}");
        }
        assert_eq!(read("{\"kind\": \"A\", \"n\": 1.0}").objects[0]["n"].to_string(), "1");
    }

    #[test]
    fn json_files_hold_one_object() {
        assert_eq!(single_json(" {\"kind\": \"A\"}\n").unwrap(), json!({"kind": "A"}));
        for broken in ["", "[]", "{\"a\": 1}", "{\"kind\": \"A\"} {}", "{\"kind\": \"A\"} x", "{"] {
            assert!(single_json(broken).is_err(), "{broken}");
        }
        assert_eq!(text(b"\xff\xfea\0b\0"), "ab");
    }
}
