//! Reading the protobuf bodies that Go clients send for built-in kinds (`application/vnd.kubernetes.protobuf`).
//!
//! The field numbers come from the generated table `data/proto.txt.gz` (`tests/tools/proto-gen`). The result is the JSON
//! of the object, which then goes the way of every other body. Answers are JSON, which these clients accept.

use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::types::StructRef;

static TABLE_GZ: &[u8] = include_bytes!("data/proto.txt.gz");
static TABLE: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    let read = flate2::read::GzDecoder::new(TABLE_GZ).read_to_string(&mut text);
    debug_assert!(read.is_ok(), "the embedded table is valid gzip");
    text
});
static MESSAGES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let text: &'static str = TABLE.as_str();
    text.split('@').skip(1).filter_map(|block| block.split_once('\n')).collect()
});

/// What every body starts with.
const MAGIC: &[u8] = b"k8s\0";
/// Deeper messages are refused, as recursion needs a bound.
const MAX_DEPTH: usize = 100;

type Result<T> = std::result::Result<T, String>;

/// Reads a body: an envelope that names the type, and the object. `fallback` is the type when the envelope names none.
///
/// # Errors
/// In words, when the bytes are no such message.
pub fn parse_protobuf(bytes: &[u8], fallback: &str) -> Result<Value> {
    let bytes = bytes
        .strip_prefix(MAGIC)
        .ok_or("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for field in Fields(meta) {
                    match field? {
                        (1, Wire::Bytes(v)) => api_version = text(v)?,
                        (2, Wire::Bytes(v)) => kind = text(v)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(v)) => raw = v,
            _ => {}
        }
    }
    let name = if kind == "DeleteOptions" { "meta/v1.DeleteOptions" } else { fallback };
    let mut object = message(raw, name, 0)?;
    if let Value::Object(map) = &mut object {
        for (key, value) in [("apiVersion", api_version), ("kind", kind)] {
            if !value.is_empty() {
                map.insert(key.to_owned(), value.into());
            }
        }
    }
    Ok(object)
}

enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64> {
        let mut out = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or("unexpected EOF")?;
            self.0 = rest;
            out |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(out);
            }
        }
        Err("proto: integer overflow".to_owned())
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("unexpected EOF")?;
        self.0 = rest;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.take(8)?.try_into().map_err(|_| "unexpected EOF")?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|e| e.to_string())?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(self.take(4)?.try_into().map_err(|_| "unexpected EOF")?),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        Ok((tag >> 3, wire))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "proto: invalid UTF-8".to_owned())
}

/// Messages whose JSON is no object.
fn special(bytes: &[u8], name: &str) -> Option<Result<Value>> {
    let number = |wanted: u64| {
        Fields(bytes).flatten().find_map(|(n, w)| match w {
            Wire::Varint(v) if n == wanted => Some(v.cast_signed()),
            _ => None,
        })
    };
    let string = |wanted: u64| {
        Fields(bytes).flatten().find_map(|(n, w)| match w {
            Wire::Bytes(v) if n == wanted => Some(text(v)),
            _ => None,
        })
    };
    let time = |digits| match number(1) {
        None => Ok(Value::Null),
        Some(seconds) => {
            let nanos = i32::try_from(number(2).unwrap_or(0)).unwrap_or(0);
            let time = jiff::Timestamp::new(seconds, nanos).map_err(|e| e.to_string())?;
            Ok(Value::from(super::format_time(time, digits)))
        }
    };
    Some(match name {
        "resource.Quantity" => string(1).unwrap_or_else(|| Ok("0".to_owned())).map(Value::from),
        "intstr.IntOrString" => match number(1) {
            Some(1) => string(3).unwrap_or_else(|| Ok(String::new())).map(Value::from),
            _ => Ok(number(2).unwrap_or(0).into()),
        },
        "meta/v1.Time" => time(0),
        "meta/v1.MicroTime" => time(6),
        "meta/v1.Duration" => {
            let nanos = number(1).unwrap_or(0);
            Ok(Value::from(format!("{}s", nanos as f64 / 1e9)))
        }
        "meta/v1.FieldsV1" | "runtime.RawExtension" => match string(1) {
            Some(raw) => raw.and_then(|r| serde_json::from_str(&r).map_err(|e| e.to_string())),
            None => Ok(Value::Null),
        },
        "meta/v1.Verbs" => list(bytes),
        other if other.ends_with(".ExtraValue") => list(bytes),
        _ => return None,
    })
}

/// A message that is only a list of texts.
fn list(bytes: &[u8]) -> Result<Value> {
    let mut out = Vec::new();
    for field in Fields(bytes) {
        if let (1, Wire::Bytes(v)) = field? {
            out.push(Value::from(text(v)?));
        }
    }
    Ok(Value::Array(out))
}

fn message(bytes: &[u8], name: &str, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err("proto: the message is nested too deeply".to_owned());
    }
    if let Some(value) = special(bytes, name) {
        return value;
    }
    let table = MESSAGES.get(name).ok_or_else(|| format!("proto: the message {name} is not known"))?;
    let fields: HashMap<u64, (&str, &str)> = table
        .lines()
        .filter_map(|line| {
            let mut parts = line.split('\t');
            Some((parts.next()?.parse().ok()?, (parts.next()?, parts.next()?)))
        })
        .collect();
    let def = StructRef::Builtin(name.into()).resolve();
    let mut out = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let Some((key, ty)) = fields.get(&number) else { continue };
        if let Some(ty) = ty.strip_prefix('[') {
            let items = out.entry((*key).to_owned()).or_insert_with(|| json!([]));
            if let Value::Array(items) = items {
                push(items, wire, ty, depth)?;
            }
        } else if let Some(ty) = ty.strip_prefix('{') {
            let (entry_key, value) = entry(wire, ty, depth)?;
            out.entry((*key).to_owned()).or_insert_with(|| json!({}))[entry_key] = value;
        } else {
            let value = scalar(wire, ty, depth)?;
            match value {
                // Go embeds this struct: its fields are the message's own in JSON.
                Value::Object(inner) if ty.starts_with('#') && !def.fields.is_empty() && def.field(key).is_none() => {
                    out.extend(inner);
                }
                value => {
                    out.insert((*key).to_owned(), value);
                }
            }
        }
    }
    Ok(Value::Object(out))
}

/// One more item of a list; numbers may come packed.
fn push(items: &mut Vec<Value>, wire: Wire<'_>, ty: &str, depth: usize) -> Result<()> {
    match (ty, wire) {
        ("i", Wire::Bytes(packed)) => {
            let mut rest = Fields(packed);
            while !rest.0.is_empty() {
                items.push(rest.varint()?.cast_signed().into());
            }
        }
        (ty, wire) => items.push(scalar(wire, ty, depth)?),
    }
    Ok(())
}

fn entry(wire: Wire<'_>, ty: &str, depth: usize) -> Result<(String, Value)> {
    let Wire::Bytes(bytes) = wire else { return Err("proto: a map entry is no message".to_owned()) };
    let (mut key, mut value) = (String::new(), None);
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Bytes(v)) => key = text(v)?,
            (2, wire) => value = Some(scalar(wire, ty, depth)?),
            _ => {}
        }
    }
    let empty = if ty == "s" || ty == "y" { Value::from("") } else { Value::Null };
    Ok((key, value.unwrap_or(empty)))
}

fn scalar(wire: Wire<'_>, ty: &str, depth: usize) -> Result<Value> {
    Ok(match (ty, wire) {
        ("s", Wire::Bytes(v)) => text(v)?.into(),
        ("y", Wire::Bytes(v)) => super::base64(v).into(),
        ("b", Wire::Varint(v)) => (v != 0).into(),
        ("i", Wire::Varint(v)) => v.cast_signed().into(),
        ("d", Wire::Fixed64(v)) => f64::from_le_bytes(v).into(),
        ("d", Wire::Fixed32(v)) => f64::from(f32::from_le_bytes(v)).into(),
        (ty, Wire::Bytes(v)) if ty.starts_with('#') => message(v, &ty[1..], depth + 1)?,
        _ => return Err("proto: wrong wireType".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend(bytes);
        out
    }

    #[test]
    fn bodies_of_go_clients() {
        let metadata = field(1, b"web");
        let claim = field(1, b"data");
        let source = field(2, &field(9, &claim));
        let volume = [field(1, b"v"), source].concat();
        let pod = [field(1, &metadata), field(2, &field(1, &volume))].concat();
        let type_meta = [field(1, b"v1"), field(2, b"Pod")].concat();
        let body = [MAGIC.to_vec(), field(1, &type_meta), field(2, &pod)].concat();
        let object = parse_protobuf(&body, "core/v1.Pod").unwrap();
        assert_eq!(object["metadata"]["name"], "web");
        assert_eq!(object["kind"], "Pod");
        // The volume source is embedded: it has no level of its own in JSON.
        assert_eq!(object["spec"]["volumes"][0]["name"], "v");
        assert!(object["spec"]["volumes"][0].get("volumeSource").is_none(), "{object}");
        for cut in 0..body.len() {
            let _ = parse_protobuf(&body[..cut], "core/v1.Pod");
        }
        assert!(parse_protobuf(b"{}", "core/v1.Pod").is_err());
    }
}
