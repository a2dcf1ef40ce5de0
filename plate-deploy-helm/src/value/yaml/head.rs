//! The head of a manifest: Helm's `SimpleHead`, read without building the rest of the document.

use std::collections::BTreeMap;

use super::build::{ToTyped, Typed};
use super::decode::{Check, Decoder};
use super::error::UnmarshalError;
use super::node::Content;
use super::parser::with_document;

/// `apiVersion`, `kind`, `metadata.name` and `metadata.annotations` of a manifest; empty where not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// Reads the head of a document. The whole document is checked as `yaml.Unmarshal` would.
///
/// # Errors
/// [`UnmarshalError`] with the text Helm shows after `YAML parse error on FILE:`.
pub fn head(bytes: &[u8]) -> Result<Head, UnmarshalError> {
    Ok(read(bytes, true)?.unwrap_or_default())
}

/// As [`head`] without annotations; `None` for an empty document. Lint reads documents so.
///
/// # Errors
/// As [`head`].
pub(crate) fn head_if_any(bytes: &[u8]) -> Result<Option<Head>, UnmarshalError> {
    read(bytes, false)
}

fn read(bytes: &[u8], annotations: bool) -> Result<Option<Head>, UnmarshalError> {
    let mut found = true;
    let mut parts: [Option<Typed>; 3] = [None, None, None];
    let mut other = None;
    with_document(bytes, |doc| {
        let mut decoder = Decoder::new(doc, false);
        match doc.root.map(|root| (root, &doc.nodes[root as usize].content)) {
            None => found = false,
            Some((root, Content::Mapping { .. })) => decoder.entries(root, &mut |this, key, child| {
                let part = match key.len() {
                    4 if key.eq_ignore_ascii_case("kind") => 1,
                    8 if key.eq_ignore_ascii_case("metadata") => 2,
                    10 if key.eq_ignore_ascii_case("apiVersion") => 0,
                    _ => return this.value::<Check>(child),
                };
                parts[part] = Some(this.value::<ToTyped>(child)?);
                Ok(())
            })?,
            Some((root, _)) => other = Some(decoder.value::<ToTyped>(root)?),
        }
        decoder.finish()
    })?;
    if let Some(other) = other {
        found = other != Typed::Null;
        mismatch(&other, "Go value of type util.SimpleHead")?;
    }
    let [api_version, kind, metadata] = parts;
    let mut head = Head {
        api_version: string(api_version, "SimpleHead.apiVersion")?,
        kind: string(kind, "SimpleHead.kind")?,
        ..Head::default()
    };
    match metadata {
        Some(Typed::Map(map)) => read_metadata(map, annotations, &mut head)?,
        Some(other) => mismatch(&other, METADATA)?,
        None => {}
    }
    Ok(found.then_some(head))
}

/// Go's name of the anonymous struct that `metadata` is read into.
const METADATA: &str = "Go struct field SimpleHead.metadata of type struct { Name string \"json:\\\"name\\\"\"; \
                        Annotations map[string]string \"json:\\\"annotations\\\"\" }";

fn read_metadata(map: BTreeMap<String, Typed>, annotations: bool, head: &mut Head) -> Result<(), UnmarshalError> {
    for (key, value) in map {
        if key.eq_ignore_ascii_case("name") {
            head.name = string(Some(value), ".metadata.name")?;
        } else if annotations && key.eq_ignore_ascii_case("annotations") {
            match value {
                Typed::Map(annotations) => {
                    for (key, value) in annotations {
                        head.annotations.insert(key, string(Some(value), ".metadata.annotations")?);
                    }
                }
                other => mismatch(&other, "Go struct field .metadata.annotations of type map[string]string")?,
            }
        }
    }
    Ok(())
}

/// The text of a string field; numbers and bools become text.
fn string(value: Option<Typed>, field: &str) -> Result<String, UnmarshalError> {
    match value {
        None | Some(Typed::Null) => Ok(String::new()),
        Some(Typed::String(text) | Typed::Number(_, text)) => Ok(text),
        Some(Typed::Bool(value)) => Ok(value.to_string()),
        Some(other) => mismatch(&other, &format!("Go struct field {field} of type string")).map(|()| String::new()),
    }
}

fn mismatch(value: &Typed, into: &str) -> Result<(), UnmarshalError> {
    let got = match value {
        Typed::Null => return Ok(()),
        Typed::Bool(_) => "bool",
        Typed::Number(..) => "number",
        Typed::String(_) => "string",
        Typed::List(_) => "array",
        Typed::Map(_) => "object",
    };
    Err(UnmarshalError::Decode(format!("json: cannot unmarshal {got} into {into}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_gos_struct() {
        let text = "ApiVersion: 1.10\nkind: on\nmetadata:\n  name: 010\n  annotations: {a: 5, b: null, c: yes}\n";
        let read = head(text.as_bytes()).unwrap();
        assert_eq!((&*read.api_version, &*read.kind, &*read.name), ("1.1", "true", "8"));
        let annotations: Vec<_> = read.annotations.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(annotations, [("a", "5"), ("b", ""), ("c", "true")]);
        assert_eq!(head(b"# nothing\n").unwrap(), Head::default());
        for (text, problem) in [
            ("- a", "cannot unmarshal array into Go value of type util.SimpleHead"),
            ("kind: {}", "cannot unmarshal object into Go struct field SimpleHead.kind of type string"),
            ("metadata: {annotations: {a: []}}", "into Go struct field .metadata.annotations of type string"),
            ("a: .inf", "error converting YAML to JSON: json: unsupported value: +Inf"),
            ("kind: a\nb: c: d", "error converting YAML to JSON: yaml: line 2: mapping values are not allowed"),
            ("a: *b", "error converting YAML to JSON: yaml: unknown anchor 'b' referenced"),
        ] {
            let error = head(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
