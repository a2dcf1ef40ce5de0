//! TOML as BurntSushi's Go library writes it, and read with the `toml` crate: Helm's `toToml` and `fromToml`.

use super::float::format_float;
use super::{List, Map, Value};

/// Deepest nesting written.
const MAX_DEPTH: usize = 1000;

/// A table needs a name, or to be the document.
const NO_KEY: &str = "toml: top-level values must be Go maps or structs";
/// A list holds a nil.
const NIL_ELEMENT: &str = "toml: cannot encode array with nil element";

/// Writes a map as TOML: plain keys first, then tables, both sorted; floats keep a point.
///
/// # Errors
/// The Go library's text, for values that TOML cannot hold.
pub fn encode(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new() };
    match value {
        Value::Map(map) => writer.table(&mut Vec::new(), map)?,
        Value::Object(object) => match object.as_map() {
            Some(map) => writer.table(&mut Vec::new(), &map)?,
            None => return Err(NO_KEY.into()),
        },
        Value::List(list) if is_table_array(list)? => return Err(NO_KEY.into()),
        // Without a key the library writes just the value.
        _ => writer.element(value, 0)?,
    }
    Ok(writer.out)
}

/// Reads a TOML document. Integers become `int64`, dates their text.
///
/// # Errors
/// What is wrong, with its line.
pub fn decode(text: &str) -> Result<Map, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        format!("toml: line {line}: {}", error.message())
    })?;
    Ok(table.into_iter().map(|(key, value)| (key, value_of(value))).collect())
}

fn value_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(n) => Value::int64(n),
        toml::Value::Float(n) => Value::Float(n),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => Value::list(items.into_iter().map(value_of).collect()),
        toml::Value::Table(table) => Value::Map(table.into_iter().map(|(key, value)| (key, value_of(value))).collect()),
    }
}

struct Writer {
    out: String,
}

impl Writer {
    fn table(&mut self, path: &mut Vec<String>, map: &Map) -> Result<(), String> {
        if path.len() > MAX_DEPTH {
            return Err("toml: nested too deeply".into());
        }
        let (direct, tables) = partition(map)?;
        for (key, value) in direct {
            path.push(key);
            self.indent(path);
            self.out.push_str(&quoted_key(path.last().map_or("", String::as_str)));
            self.out.push_str(" = ");
            self.element(&value, 0)?;
            self.out.push('\n');
            path.pop();
        }
        for (key, value) in tables {
            path.push(key);
            match &value {
                Value::List(list) => self.table_array(path, list)?,
                other => {
                    if path.len() == 1 {
                        self.new_line();
                    }
                    self.header(path, "[", "]");
                    self.table(path, &as_map(other))?;
                }
            }
            path.pop();
        }
        Ok(())
    }

    fn table_array(&mut self, path: &mut Vec<String>, list: &List) -> Result<(), String> {
        for item in list.items() {
            self.new_line();
            self.header(path, "[[", "]]");
            self.table(path, &as_map(item))?;
        }
        Ok(())
    }

    fn header(&mut self, path: &[String], open: &str, close: &str) {
        self.indent(path);
        let keys: Vec<String> = path.iter().map(|key| quoted_key(key)).collect();
        self.out.push_str(&format!("{open}{}{close}\n", keys.join(".")));
    }

    fn indent(&mut self, path: &[String]) {
        for _ in 1..path.len() {
            self.out.push_str("  ");
        }
    }

    fn new_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn element(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("toml: nested too deeply".into());
        }
        match value {
            Value::Nil => {}
            Value::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Value::Int(n, _) => self.out.push_str(&n.to_string()),
            Value::Uint(n) => self.out.push_str(&n.to_string()),
            Value::Float(n) => self.out.push_str(&float(*n)),
            Value::Str(s) => self.out.push_str(&quoted(&s.text())),
            Value::List(list) => {
                if list.items().iter().any(Value::is_nil) {
                    return Err(NIL_ELEMENT.into());
                }
                self.out.push('[');
                for (i, item) in list.items().iter().enumerate() {
                    self.out.push_str(if i > 0 { ", " } else { "" });
                    self.element(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Map(map) => self.inline(map, depth)?,
            Value::Object(object) => match object.to_json() {
                // A duration is written as text; TOML has times of its own.
                Some(_) if object.type_name() == "time.Duration" => self.out.push_str(&quoted(&object.print())),
                Some(Value::Str(time)) if object.type_name() == "time.Time" => self.out.push_str(&time.text()),
                Some(plain) => self.element(&plain, depth + 1)?,
                None => return Err(format!("unexpected type: {}", object.type_name())),
            },
        }
        Ok(())
    }

    /// `{a = 1, b = 2}`: a map inside a list that holds other things, too.
    fn inline(&mut self, map: &Map, depth: usize) -> Result<(), String> {
        let (mut direct, tables) = partition(map)?;
        // The library counts entries that are nil when it decides about a comma.
        let nils = map.snapshot().into_iter().filter(|(_, value)| value.is_nil());
        direct.extend(nils.map(|(key, value)| (key.text().into_owned(), value)));
        direct.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.out.push('{');
        for (i, (key, value)) in direct.iter().enumerate().filter(|(_, (_, value))| !value.is_nil()) {
            self.inline_entry(key, value, depth, !tables.is_empty() || i + 1 < direct.len())?;
        }
        for (i, (key, value)) in tables.iter().enumerate() {
            self.inline_entry(key, value, depth, i + 1 < tables.len())?;
        }
        self.out.push('}');
        Ok(())
    }
}

impl Writer {
    fn inline_entry(&mut self, key: &str, value: &Value, depth: usize, comma: bool) -> Result<(), String> {
        self.out.push_str(&quoted_key(key));
        self.out.push_str(" = ");
        self.element(value, depth + 1)?;
        self.out.push_str(if comma { ", " } else { "" });
        Ok(())
    }
}

type Entries = Vec<(String, Value)>;

/// The entries that go on lines of their own, and those that become tables. Nil is left out.
fn partition(map: &Map) -> Result<(Entries, Entries), String> {
    let (mut direct, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in map.snapshot() {
        let into = match &value {
            Value::Nil => continue,
            Value::Map(map) if map.is_nil() => continue,
            Value::List(list) if list.is_nil() => continue,
            Value::Map(_) => &mut tables,
            Value::List(list) if is_table_array(list)? => &mut tables,
            _ => &mut direct,
        };
        into.push((key.text().into_owned(), value));
    }
    Ok((direct, tables))
}

fn is_table_array(list: &List) -> Result<bool, String> {
    if list.items().iter().any(Value::is_nil) {
        return Err(NIL_ELEMENT.into());
    }
    Ok(!list.is_empty() && list.items().iter().all(|item| matches!(item, Value::Map(_))))
}

fn as_map(value: &Value) -> Map {
    value.as_map().unwrap_or_default()
}

fn float(n: f64) -> String {
    if n.is_nan() {
        return "nan".into();
    }
    if n.is_infinite() {
        return if n > 0.0 { "inf" } else { "-inf" }.into();
    }
    let text = format_float(n, 'g', None);
    if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
}

fn quoted_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0C' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\x1F' | '\x7F' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::yaml;

    #[test]
    fn toml_is_written_as_go_does() {
        let value =
            yaml::parse(b"a: 1\nb: {c: x\"y, 'd e': [1, two], f: {g: true}}\nh: [{i: 1}, {j: null}]\nk: [1, {l: 2}]\n");
        let text = encode(&value.unwrap()).unwrap();
        assert_eq!(
            text,
            "a = 1.0\nk = [1.0, {l = 2.0}]\n\n[b]\n  c = \"x\\\"y\"\n  \"d e\" = [1.0, \"two\"]\n  [b.f]\n    g = true\n\n[[h]]\n  i = 1.0\n\n[[h]]\n"
        );
        assert_eq!(encode(&Value::int(1)).unwrap(), "1", "without a key it is just the value");
        assert_eq!(encode(&yaml::parse(b"[{a: 1}]").unwrap()).unwrap_err(), NO_KEY);
        assert_eq!(encode(&yaml::parse(b"k: [1, {b: x, z: null}]").unwrap()).unwrap(), "k = [1.0, {b = \"x\", }]\n");
        assert!(encode(&yaml::parse(b"a: [null]").unwrap()).unwrap_err().contains("nil element"));
    }

    #[test]
    fn toml_is_read() {
        let map = decode("a = 1\n[b]\nc = [1.5, 'x']\nd = 2020-01-01T00:00:00Z\n").unwrap();
        assert_eq!(
            crate::value::json::encode(&Value::Map(map)).unwrap(),
            r#"{"a":1,"b":{"c":[1.5,"x"],"d":"2020-01-01T00:00:00Z"}}"#
        );
        assert!(decode("a = \n").unwrap_err().starts_with("toml: line 1: "));
    }
}
