//! Values to JSON text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_DEPTH;
use crate::value::float::format_float;
use crate::value::{List, ListKind, Map, MapKind, Value};

/// Go's `json.Marshal`: keys sorted, `<`, `>` and `&` escaped.
///
/// # Errors
/// Go's text for what JSON cannot hold: NaN, infinities, cycles.
pub fn encode(value: &Value) -> Result<String, String> {
    run(value, true, None)
}

/// Go's `json.Encoder` with HTML escaping off, without the newline at the end.
///
/// # Errors
/// As [`encode`].
pub fn encode_raw(value: &Value) -> Result<String, String> {
    run(value, false, None)
}

/// Go's `json.MarshalIndent` with two spaces.
///
/// # Errors
/// As [`encode`].
pub fn encode_pretty(value: &Value) -> Result<String, String> {
    run(value, true, Some("  "))
}

fn run(value: &Value, html: bool, indent: Option<&'static str>) -> Result<String, String> {
    let mut writer = Writer { out: String::new(), html, indent, depth: 0 };
    writer.value(value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    html: bool,
    indent: Option<&'static str>,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Value::Int(n, _) => self.out.push_str(&n.to_string()),
            Value::Uint(n) => self.out.push_str(&n.to_string()),
            Value::Float(n) => self.out.push_str(&number_text(*n)?),
            Value::Str(s) => write_string(&mut self.out, &s.text(), self.html),
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::List(list) => return self.list(list),
            Value::Map(map) if map.is_nil() => self.out.push_str("null"),
            Value::Map(map) => return self.map(map),
            Value::Object(object) => {
                let Some(plain) = object.to_json() else {
                    return Err(format!("json: unsupported type: {}", object.type_name()));
                };
                self.enter("an object")?;
                self.value(&plain)?;
                self.depth -= 1;
            }
        }
        Ok(())
    }

    fn list(&mut self, list: &List) -> Result<(), String> {
        if list.kind() == ListKind::Bytes {
            self.out.push('"');
            self.out.push_str(&STANDARD.encode(bytes_of(list)));
            self.out.push('"');
            return Ok(());
        }
        self.enter("[]interface {}")?;
        self.out.push('[');
        for (i, item) in list.items().iter().enumerate() {
            self.separator(i);
            self.value(item)?;
        }
        self.leave(list.is_empty());
        self.out.push(']');
        Ok(())
    }

    fn map(&mut self, map: &Map) -> Result<(), String> {
        self.enter("map[string]interface {}")?;
        self.out.push('{');
        for (i, (key, value)) in map.borrow().iter().enumerate() {
            self.separator(i);
            write_string(&mut self.out, &key.text(), self.html);
            self.out.push_str(if self.indent.is_some() { ": " } else { ":" });
            match value {
                Value::Str(bytes) if map.kind() == MapKind::Bytes => {
                    self.out.push('"');
                    self.out.push_str(&STANDARD.encode(bytes.as_bytes()));
                    self.out.push('"');
                }
                _ => self.value(value)?,
            }
        }
        self.leave(map.is_empty());
        self.out.push('}');
        Ok(())
    }

    fn enter(&mut self, what: &str) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("json: unsupported value: encountered a cycle via {what}"));
        }
        Ok(())
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
        self.new_line();
    }

    fn leave(&mut self, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push_str(indent);
            }
        }
    }
}

/// The bytes of a `[]uint8`.
pub(crate) fn bytes_of(list: &List) -> Vec<u8> {
    let byte = |item: &Value| match item {
        Value::Uint(n) => u8::try_from(*n).unwrap_or_default(),
        Value::Int(n, _) => u8::try_from(*n).unwrap_or_default(),
        _ => 0,
    };
    list.items().iter().map(byte).collect()
}

/// A `float64` as Go's JSON writes it.
pub(crate) fn number_text(n: f64) -> Result<String, String> {
    if !n.is_finite() {
        return Err(format!("json: unsupported value: {}", format_float(n, 'g', None)));
    }
    let size = n.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Ok(format_float(n, 'f', None));
    }
    let text = format_float(n, 'e', None);
    // Go writes e-09 as e-9, but leaves e+09.
    Ok(match text.split_once("e-0") {
        Some((mantissa, digit)) => format!("{mantissa}e-{digit}"),
        None => text,
    })
}

/// A JSON string with Go's escapes.
pub(crate) fn write_string(out: &mut String, text: &str, html: bool) {
    out.push('"');
    let mut done = 0;
    for (i, b) in text.bytes().enumerate() {
        let plain = match b {
            b'"' | b'\\' => false,
            b'<' | b'>' | b'&' => !html,
            0xE2 => !matches!(text.as_bytes().get(i + 1..i + 3), Some([0x80, 0xA8 | 0xA9])),
            0xEF => text.as_bytes().get(i + 1..i + 3) != Some(&[0xBF, 0xBD]),
            _ => b >= 0x20,
        };
        if plain {
            continue;
        }
        out.push_str(text.get(done..i).unwrap_or_default());
        done = i + 1;
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0C => out.push_str("\\f"),
            0xE2 => {
                out.push_str(if text.as_bytes().get(i + 2) == Some(&0xA8) { "\\u2028" } else { "\\u2029" });
                done = i + 3;
            }
            0xEF => {
                // U+FFFD stands for bytes that were not UTF-8, which Go escapes; a real U+FFFD reads back the same.
                out.push_str("\\ufffd");
                done = i + 3;
            }
            _ => out.push_str(&format!("\\u{b:04x}")),
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out.push('"');
}
