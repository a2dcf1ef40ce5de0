//! JSON text to values, with the error texts of Go's decoder.

use super::MAX_DEPTH;
use crate::value::{List, ListKind, Map, MapKind, Str, Value};

/// Why a text is not the JSON that was asked for, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct JsonError {
    problem: String,
    offset: usize,
}

impl JsonError {
    /// How far Go's decoder had read, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// Go's `json.Unmarshal` into an `interface{}`: numbers become `float64`.
///
/// # Errors
/// [`JsonError`] with Go's text.
pub fn decode(text: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader { bytes: text, pos: 0, depth: 0 };
    reader.space();
    let value = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.invalid("after top-level value")),
    }
}

/// The first value of a text, and how many bytes it took: Go's `json.Decoder`.
///
/// # Errors
/// As [`decode`].
pub fn decode_first(text: &[u8]) -> Result<(Value, usize), JsonError> {
    let mut reader = Reader { bytes: text, pos: 0, depth: 0 };
    reader.space();
    let value = reader.value()?;
    Ok((value, reader.pos))
}

/// Go's `json.Unmarshal` into a `map[string]interface{}`; `null` is a nil map.
///
/// # Errors
/// [`JsonError`], also when the text is no object.
pub fn decode_map(text: &[u8]) -> Result<Map, JsonError> {
    match decode(text).map_err(|error| or_mismatch(error, text, "map[string]interface {}"))? {
        Value::Nil => Ok(Map::nil(MapKind::Any)),
        Value::Map(map) => Ok(map),
        other => Err(mismatch(&other, "map[string]interface {}")),
    }
}

/// Go's `json.Unmarshal` into a `[]interface{}`; `null` is a nil list.
///
/// # Errors
/// [`JsonError`], also when the text is no array.
pub fn decode_list(text: &[u8]) -> Result<List, JsonError> {
    match decode(text).map_err(|error| or_mismatch(error, text, "[]interface {}"))? {
        Value::Nil => Ok(List::nil(ListKind::Any)),
        Value::List(list) => Ok(list),
        other => Err(mismatch(&other, "[]interface {}")),
    }
}

/// A number that does not fit is first of all no map and no list.
fn or_mismatch(error: JsonError, text: &[u8], want: &str) -> JsonError {
    let number = text.trim_ascii_start().first().is_some_and(|c| *c == b'-' || c.is_ascii_digit());
    if number && error.problem.starts_with("json: cannot unmarshal number") {
        return mismatch(&Value::Float(0.0), want);
    }
    error
}

fn mismatch(value: &Value, want: &str) -> JsonError {
    let got = match value {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        _ => "object",
    };
    JsonError { problem: format!("json: cannot unmarshal {got} into Go value of type {want}"), offset: 0 }
}

struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn problem(&self, problem: impl Into<String>) -> JsonError {
        JsonError { problem: problem.into(), offset: self.pos + 1 }
    }

    /// Go's scanner error about the current character.
    fn invalid(&self, context: &str) -> JsonError {
        // At the end Go's scanner tries a space, which is wrong inside a literal, a number or an escape.
        let in_token = ["in literal", "in numeric", "after decimal", "in exponent", "in string escape", "in \\u"];
        let c = match self.peek() {
            Some(c) => c,
            None if in_token.iter().any(|token| context.starts_with(token)) => b' ',
            None => return self.problem("unexpected end of JSON input"),
        };
        let shown = match c {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            _ => {
                let quoted = crate::value::quote::quote(char::from(c).to_string().as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        self.problem(format!("invalid character {shown} {context}"))
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Value::Str),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.invalid("looking for beginning of value")),
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.pos += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.problem("exceeded max depth"));
        }
        self.space();
        Ok(())
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        self.enter()?;
        let map = Map::new();
        if self.peek() == Some(b'}') {
            self.pos += 1;
            self.depth -= 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.invalid("after object key"));
            }
            self.pos += 1;
            self.space();
            let value = self.value()?;
            map.insert(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b'}') => break,
                _ => return Err(self.invalid("after object key:value pair")),
            }
        }
        self.pos += 1;
        self.depth -= 1;
        Ok(Value::Map(map))
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        self.enter()?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.pos += 1;
            self.depth -= 1;
            return Ok(Value::list(items));
        }
        loop {
            self.space();
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b']') => break,
                _ => return Err(self.invalid("after array element")),
            }
        }
        self.pos += 1;
        self.depth -= 1;
        Ok(Value::list(items))
    }

    fn literal(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        for (i, want) in word.char_indices() {
            if self.peek() != u8::try_from(want).ok() {
                let context = match i {
                    0 => "looking for beginning of value".to_owned(),
                    _ => format!("in literal {word} (expecting {want:?})"),
                };
                return Err(self.invalid(&context));
            }
            self.pos += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let from = self.pos;
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        match self.peek() {
            Some(b'0') => self.pos += 1,
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => return Err(self.invalid("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            if self.digits() == 0 {
                return Err(self.invalid("after decimal point in numeric literal"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.pos += 1;
            }
            if self.digits() == 0 {
                return Err(self.invalid("in exponent of numeric literal"));
            }
        }
        let text = String::from_utf8_lossy(&self.bytes[from..self.pos]);
        match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(Value::Float(n)),
            _ => Err(self.problem(format!("json: cannot unmarshal number {text} into Go value of type float64"))),
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.pos;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.pos += 1;
        }
        self.pos - from
    }

    fn string(&mut self) -> Result<Str, JsonError> {
        self.pos += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let from = self.pos;
            while let Some(0x20..=0x21 | 0x23..=0x5B | 0x5D..) = self.peek() {
                self.pos += 1;
            }
            out.extend_from_slice(&self.bytes[from..self.pos]);
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Str::from(String::from_utf8_lossy(&out).as_ref()));
                }
                Some(b'\\') => {
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return Err(self.invalid("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.pos += 1;
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0C',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.pos += 1;
                return self.unicode();
            }
            _ => return Err(self.invalid("in string escape code")),
        };
        self.pos += 1;
        Ok(c)
    }

    /// The digits after `\u`, with a second escape when they are the first half of a surrogate pair.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if (0xD800..0xDC00).contains(&first) && self.bytes[self.pos..].starts_with(b"\\u") {
            let back = self.pos;
            self.pos += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.pos = back;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| char::from(c).to_digit(16)) else {
                return Err(self.invalid("in \\u hexadecimal character escape"));
            };
            code = code * 16 + digit;
            self.pos += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_gos() {
        for (text, want) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("nil", "invalid character 'i' in literal null (expecting 'u')"),
            ("<", "invalid character '<' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1", "invalid character '1' after object key"),
            ("{\"a\":1 \"", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("1 2", "invalid character '2' after top-level value"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("01", "invalid character '1' after top-level value"),
            ("1e999", "json: cannot unmarshal number 1e999 into Go value of type float64"),
        ] {
            assert_eq!(decode(text.as_bytes()).err().map(|e| e.problem).as_deref(), Some(want), "{text}");
        }
        let error = decode_map(b"[1]").err().map(|e| e.problem);
        assert_eq!(
            error.as_deref(),
            Some("json: cannot unmarshal array into Go value of type map[string]interface {}")
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = r#"{"a":[1,2.5,1e+21,1e-7,-0,true,null],"b":"\u003c\u0026\n\u0001\ufffd\u2028😀"}"#;
        let value = decode(text.as_bytes()).unwrap();
        assert_eq!(super::super::encode(&value).unwrap(), text);
        assert!(decode("[".repeat(2000).as_bytes()).is_err());
    }
}
