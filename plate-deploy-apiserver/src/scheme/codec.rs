//! Reading and writing built-in objects as Go's typed structs do.
//!
//! [`decode`] is `json.Unmarshal` into the Go type followed by `json.Marshal`: fields that the type does not have are
//! dropped (and reported), empty `omitempty` fields vanish, structs that are not pointers are always there,
//! quantities and times take their canonical text.

use serde_json::{Map, Value};

use super::quantity::Quantity;
use super::types::{Field, Scalar, StructDef, StructRef, Type};

/// An object that does not fit its Go type; the text is that of `encoding/json`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);

/// Deeper objects are refused, as recursion needs a bound.
const MAX_DEPTH: usize = 200;

struct Decoder<'a> {
    /// JSON names from the root, for Go's error text.
    go_path: Vec<String>,
    /// Path with list indexes, for strict errors.
    path: String,
    unknown: &'a mut Vec<String>,
    depth: usize,
}

/// Decodes `value` into the struct; unknown fields are dropped and reported as `unknown field "spec.x"`.
///
/// # Errors
/// When a value has the wrong JSON type for its field, as `encoding/json` says it.
pub fn decode(value: Value, ty: &StructRef, unknown: &mut Vec<String>) -> Result<Value, DecodeError> {
    let mut d = Decoder { go_path: Vec::new(), path: String::new(), unknown, depth: 0 };
    let def = ty.resolve();
    let out = d.structure(value, &def, None)?;
    Ok(Value::Object(out))
}

/// The JSON of a zero value of the type, as Go writes it.
#[must_use]
pub fn zero(ty: &StructRef) -> Value {
    decode(Value::Object(Map::new()), ty, &mut Vec::new()).unwrap_or_default()
}

fn json_kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(n) => format!("number {n}"),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

fn go_type(ty: &Type) -> String {
    match ty {
        Type::Scalar(Scalar::String(name)) => name.to_string(),
        Type::Scalar(Scalar::Bool) => "bool".to_owned(),
        Type::Scalar(Scalar::Int32) => "int32".to_owned(),
        Type::Scalar(Scalar::Int64) => "int64".to_owned(),
        Type::Scalar(Scalar::Uint32) => "uint32".to_owned(),
        Type::Scalar(Scalar::Float) => "float64".to_owned(),
        Type::Scalar(Scalar::Quantity) => "resource.Quantity".to_owned(),
        Type::Scalar(Scalar::IntOrString) => "intstr.IntOrString".to_owned(),
        Type::Scalar(Scalar::Time | Scalar::MicroTime | Scalar::Duration) => "string".to_owned(),
        Type::Scalar(Scalar::Bytes) => "[]uint8".to_owned(),
        Type::Scalar(Scalar::Untyped) | Type::Any => "interface {}".to_owned(),
        Type::List(l) => format!("[]{}", go_type(&l.elem)),
        Type::Map(m) => format!("map[string]{}", go_type(&m.elem)),
        Type::Struct(StructRef::Builtin(name)) => {
            let mut parts = name.rsplit('/');
            parts.next().unwrap_or(name).to_owned()
        }
        Type::Struct(StructRef::Custom(_)) => "struct".to_owned(),
    }
}

impl Decoder<'_> {
    fn mismatch(&self, value: &Value, ty: &Type, owner: Option<&str>) -> DecodeError {
        let kind = match (value, ty) {
            // Go names the number only when its form, not its kind, is wrong.
            (Value::Number(_), Type::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Uint32)) => json_kind(value),
            (Value::Number(_), _) => "number".to_owned(),
            _ => json_kind(value),
        };
        let place = match owner {
            Some(owner) if !self.go_path.is_empty() => format!("Go struct field {owner}.{}", self.go_path.join(".")),
            _ => "Go value".to_owned(),
        };
        DecodeError(format!("json: cannot unmarshal {kind} into {place} of type {}", go_type(ty)))
    }

    fn structure(
        &mut self,
        value: Value,
        def: &StructDef,
        owner: Option<&str>,
    ) -> Result<Map<String, Value>, DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DecodeError("json: exceeded max depth".to_owned()));
        }
        let mut given = match value {
            Value::Object(m) => m,
            Value::Null => Map::new(),
            other => {
                let ty = Type::Struct(StructRef::Builtin(def.go_name.to_string().into()));
                return Err(self.mismatch(&other, &ty, owner));
            }
        };
        let mut out = Map::new();
        for field in &def.fields {
            let value = given.remove(&field.name).unwrap_or(Value::Null);
            self.go_path.push(field.name.clone());
            let mark = self.path.len();
            if !value.is_null() {
                if mark > 0 {
                    self.path.push('.');
                }
                self.path.push_str(&field.name);
            }
            if let Some(v) = self.field(value, field, &def.go_name)? {
                out.insert(field.name.clone(), v);
            }
            self.path.truncate(mark);
            self.go_path.pop();
        }
        for name in given.keys() {
            let dot = if self.path.is_empty() { "" } else { "." };
            self.unknown.push(format!("unknown field \"{}{dot}{name}\"", self.path));
        }
        self.depth -= 1;
        Ok(out)
    }

    fn field(&mut self, value: Value, field: &Field, owner: &str) -> Result<Option<Value>, DecodeError> {
        if value.is_null() {
            return Ok(absent(field, self.depth));
        }
        let out = self.value(value, &field.ty, Some(owner))?;
        if field.pointer {
            return Ok(Some(out));
        }
        let empty = match (&field.ty, &out) {
            (Type::List(_) | Type::Map(_), _) => is_empty(&out),
            (
                Type::Scalar(
                    Scalar::Quantity | Scalar::IntOrString | Scalar::Time | Scalar::MicroTime | Scalar::Duration,
                ),
                _,
            ) => false,
            (Type::Scalar(_), _) => is_empty(&out),
            (Type::Struct(_), Value::Object(m)) if field.omit_zero => return Ok((!m.is_empty()).then_some(out)),
            _ => false,
        };
        match (empty, field.omit_empty || field.omit_zero) {
            (true, true) => Ok(None),
            // Objects are stored as protobuf, which does not tell an empty list from none.
            (true, false) if matches!(field.ty, Type::List(_)) => Ok(Some(Value::Null)),
            _ => Ok(Some(out)),
        }
    }

    fn value(&mut self, value: Value, ty: &Type, owner: Option<&str>) -> Result<Value, DecodeError> {
        match ty {
            Type::Any => Ok(value),
            Type::Struct(r) => Ok(Value::Object(self.structure(value, &r.resolve(), owner)?)),
            Type::List(list) => {
                let Value::Array(items) = value else { return Err(self.mismatch(&value, ty, owner)) };
                let mut out = Vec::with_capacity(items.len());
                for (i, item) in items.into_iter().enumerate() {
                    let mark = self.path.len();
                    self.path.push_str(&format!("[{i}]"));
                    out.push(self.item(item, &list.elem, owner)?);
                    self.path.truncate(mark);
                }
                Ok(Value::Array(out))
            }
            Type::Map(map) => {
                let Value::Object(entries) = value else { return Err(self.mismatch(&value, ty, owner)) };
                let mut out = Map::new();
                for (k, v) in entries {
                    let mark = self.path.len();
                    self.path.push('.');
                    self.path.push_str(&k);
                    let v = self.item(v, &map.elem, owner)?;
                    self.path.truncate(mark);
                    out.insert(k, v);
                }
                Ok(Value::Object(out))
            }
            Type::Scalar(s) => self.scalar(value, s, ty, owner),
        }
    }

    /// A list item or map value: null is the zero value.
    fn item(&mut self, value: Value, ty: &Type, owner: Option<&str>) -> Result<Value, DecodeError> {
        if !value.is_null() {
            return self.value(value, ty, owner);
        }
        Ok(match ty {
            Type::Scalar(Scalar::Bytes) => Value::from(""),
            Type::Struct(r) => Value::Object(self.structure(Value::Null, &r.resolve(), owner)?),
            Type::Scalar(s) => zero_scalar(s),
            _ => Value::Null,
        })
    }

    fn scalar(&self, value: Value, scalar: &Scalar, ty: &Type, owner: Option<&str>) -> Result<Value, DecodeError> {
        let wrong = |v: &Value| Err(self.mismatch(v, ty, owner));
        match (scalar, &value) {
            (Scalar::Untyped, _) | (Scalar::String(_), Value::String(_)) | (Scalar::Bool, Value::Bool(_)) => Ok(value),
            (Scalar::Int32, Value::Number(n)) => match n.as_i64() {
                Some(i) if i32::try_from(i).is_ok() => Ok(value),
                _ => wrong(&value),
            },
            (Scalar::Uint32, Value::Number(n)) => match n.as_i64() {
                Some(i) if u32::try_from(i).is_ok() => Ok(value),
                _ => wrong(&value),
            },
            (Scalar::Int64, Value::Number(n)) if n.as_i64().is_some() => Ok(value),
            (Scalar::Float, Value::Number(_)) => Ok(value),
            (Scalar::Quantity, Value::String(s)) => quantity(s.trim()),
            (Scalar::Quantity, Value::Number(n)) => quantity(&n.to_string()),
            (Scalar::IntOrString, Value::String(_)) => Ok(value),
            (Scalar::IntOrString, Value::Number(n)) => match n.as_i64() {
                Some(i) if i32::try_from(i).is_ok() => Ok(value),
                _ => Err(DecodeError(format!(
                    "json: cannot unmarshal {} into Go value of type int32",
                    json_kind(&value)
                ))),
            },
            (Scalar::IntOrString, other) => {
                Err(DecodeError(format!("json: cannot unmarshal {} into Go value of type int32", json_kind(other))))
            }
            (Scalar::Time, Value::String(s)) => time(s, 0),
            (Scalar::MicroTime, Value::String(s)) => time(s, 6),
            (Scalar::Duration, Value::String(_)) => Ok(value),
            (Scalar::Bytes, Value::String(s)) => bytes(s),
            (Scalar::Time | Scalar::MicroTime | Scalar::Duration, other) => {
                Err(DecodeError(format!("json: cannot unmarshal {} into Go value of type string", json_kind(other))))
            }
            (Scalar::Quantity, _) => Err(DecodeError(super::quantity::QuantityError::Format.to_string())),
            (_, other) => wrong(other),
        }
    }
}

/// What Go writes for a field that was not given.
fn absent(field: &Field, depth: usize) -> Option<Value> {
    if field.pointer {
        return (!field.omit_empty && !field.omit_zero).then_some(Value::Null);
    }
    match &field.ty {
        _ if field.omit_zero => None,
        Type::Struct(r) if depth < MAX_DEPTH => Some(zero(r)),
        Type::Scalar(
            s @ (Scalar::Quantity | Scalar::IntOrString | Scalar::Time | Scalar::MicroTime | Scalar::Duration),
        ) => Some(zero_scalar(s)),
        Type::Any => (!field.omit_empty || field.name == "data").then_some(Value::Null),
        _ if field.omit_empty => None,
        Type::Scalar(s) => Some(zero_scalar(s)),
        _ => Some(Value::Null),
    }
}

fn zero_scalar(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::String(_) => Value::from(""),
        Scalar::Bool => Value::from(false),
        Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Float | Scalar::IntOrString => Value::from(0),
        Scalar::Quantity => Value::from("0"),
        Scalar::Duration => Value::from("0s"),
        Scalar::Time | Scalar::MicroTime | Scalar::Bytes | Scalar::Untyped => Value::Null,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(m) => m.is_empty(),
    }
}

fn quantity(text: &str) -> Result<Value, DecodeError> {
    if text.is_empty() {
        return Ok(Value::from("0"));
    }
    Quantity::parse(text).map(|q| Value::from(q.canonical())).map_err(|e| DecodeError(e.to_string()))
}

fn time(text: &str, digits: usize) -> Result<Value, DecodeError> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let layout = if digits == 6 { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    match parsed {
        Ok(t) => Ok(Value::from(format_time(t, digits))),
        Err(_) => Err(DecodeError(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""))),
    }
}

/// RFC 3339 in UTC with the given number of fraction digits, cut off, as the API writes times.
#[must_use]
pub fn format_time(t: jiff::Timestamp, digits: usize) -> String {
    let base = t.strftime("%Y-%m-%dT%H:%M:%S");
    if digits == 0 {
        return format!("{base}Z");
    }
    format!("{base}.{:06}Z", t.subsec_nanosecond().rem_euclid(1_000_000_000) / 1000)
}

/// Standard base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = ALPHABET.get((n >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn bytes(text: &str) -> Result<Value, DecodeError> {
    let cleaned: String = text.chars().filter(|c| *c != '\n' && *c != '\r').collect();
    let body = cleaned.trim_end_matches('=');
    let padding = cleaned.len() - body.len();
    let bad = body.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'+' || b == b'/'));
    if let Some(at) = bad {
        return Err(DecodeError(format!("illegal base64 data at input byte {at}")));
    }
    if padding > 2 || !cleaned.len().is_multiple_of(4) || body.len() % 4 == 1 {
        return Err(DecodeError(format!("illegal base64 data at input byte {}", cleaned.len() / 4 * 4)));
    }
    Ok(Value::from(cleaned))
}
