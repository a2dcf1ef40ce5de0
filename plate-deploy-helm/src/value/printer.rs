//! Writes one value under a verb of Go's `fmt` and its flags.

use super::kind::type_name;
use super::{List, ListKind, Map, Object, Value, float, quote};

/// How deep nested values are printed; only templates can build deeper ones, by putting a map into itself.
const MAX_DEPTH: usize = 500;
/// No more is printed once the output is this long.
const MAX_OUTPUT: usize = 1 << 28;

/// One verb's flags.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v` and `%#v`, which are not about numbers.
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Writes values under a verb and its flags.
pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    pub(super) flags: Flags,
}

impl Printer {
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self { out, flags: Flags::default() }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// One operand: nil, `%T` and `%p` are decided here, as they differ from nested values.
    pub(super) fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = type_name(value);
                self.pad(self.truncated(name.as_bytes()).to_vec().as_slice());
            }
            (Value::Map(_) | Value::List(_), 'p') => self.out.extend_from_slice(b"0xc000000000"),
            (_, 'p') => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH {
            self.out.extend_from_slice(b"%!(nested too deeply)");
            return;
        }
        // Lists that hold the same list twice, many levels deep, would print without end.
        if self.out.len() > MAX_OUTPUT {
            return;
        }
        match value {
            Value::Nil if self.flags.sharp_v => self.out.extend_from_slice(b"interface {}(nil)"),
            Value::Nil => self.out.extend_from_slice(b"<nil>"),
            Value::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(n, _) => self.integer(value, n.unsigned_abs(), *n < 0, true, verb),
            Value::Uint(n) => self.integer(value, *n, false, false, verb),
            Value::Float(n) => self.float(value, *n, verb),
            Value::Str(text) => self.string(value, text.as_bytes(), verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => match (verb, object.as_int()) {
                ('d' | 'b' | 'o' | 'O' | 'c' | 'U', Some(number)) => self.value(&number, verb, depth),
                _ => self.object(value, object.as_ref(), verb),
            },
        }
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char) {
        match verb {
            's' | 'q' | 'x' | 'X' => self.string(value, object.print().as_bytes(), verb),
            _ => self.pad(object.print().as_bytes()),
        }
    }

    /// `%!verb(type=value)`.
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) {
        self.out.extend_from_slice(b"%!");
        self.push(verb);
        self.out.push(b'(');
        if value.is_nil() {
            self.out.extend_from_slice(b"<nil>");
        } else {
            self.out.extend_from_slice(type_name(value).as_bytes());
            self.out.push(b'=');
            self.value(value, 'v', 0);
        }
        self.out.push(b')');
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if list.kind() == ListKind::Bytes && matches!(verb, 's' | 'q' | 'x' | 'X') {
            let bytes: Vec<u8> = list.bytes();
            self.string(&Value::List(list.clone()), &bytes, verb);
            return;
        }
        let (open, between, close): (&[u8], &[u8], u8) =
            if self.flags.sharp_v { (b"{", b", ", b'}') } else { (b"[", b" ", b']') };
        if self.flags.sharp_v {
            self.out.extend_from_slice(super::kind::list_type(list.kind()).as_bytes());
        }
        self.out.extend_from_slice(open);
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.out.extend_from_slice(between);
            }
            self.value(item, verb, depth + 1);
        }
        self.out.push(close);
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        let (open, between, close): (&[u8], &[u8], u8) =
            if self.flags.sharp_v { (b"{", b", ", b'}') } else { (b"map[", b" ", b']') };
        if self.flags.sharp_v {
            self.out.extend_from_slice(super::kind::map_type(map.kind()).as_bytes());
        }
        self.out.extend_from_slice(open);
        for (index, (key, item)) in map.borrow().iter().enumerate() {
            if index > 0 {
                self.out.extend_from_slice(between);
            }
            self.value(&Value::Str(key.clone()), verb, depth + 1);
            self.out.push(b':');
            self.value(item, verb, depth + 1);
        }
        self.out.push(close);
    }

    fn string(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(bytes),
            'v' | 's' => {
                let shown = self.truncated(bytes).to_vec();
                self.pad(&shown);
            }
            'q' => self.quoted(bytes),
            'x' => self.hex(bytes, b"0123456789abcdef", b'x'),
            'X' => self.hex(bytes, b"0123456789ABCDEF", b'X'),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, bytes: &[u8]) {
        let shown = self.truncated(bytes).to_vec();
        let text = match std::str::from_utf8(&shown) {
            Ok(text) if self.flags.sharp && quote::can_backquote(text) => format!("`{text}`"),
            _ if self.flags.plus => quote::quote_ascii(&shown),
            _ => quote::quote(&shown),
        };
        self.pad(text.as_bytes());
    }

    /// `%x` of bytes: the precision counts bytes, a space separates them, `#` adds `0x`.
    fn hex(&mut self, bytes: &[u8], digits: &[u8; 16], mark: u8) {
        let count = self.flags.precision.map_or(bytes.len(), |precision| precision.min(bytes.len()));
        let mut shown = Vec::with_capacity(count * 2);
        for (index, byte) in bytes.iter().take(count).enumerate() {
            if self.flags.space && index > 0 {
                shown.push(b' ');
            }
            if self.flags.sharp && (index == 0 || self.flags.space) {
                shown.extend_from_slice(&[b'0', mark]);
            }
            shown.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
        self.pad(&shown);
    }

    fn integer(&mut self, value: &Value, magnitude: u64, negative: bool, signed: bool, verb: char) {
        let digits = match verb {
            'v' if self.flags.sharp_v && !signed => {
                self.out.extend_from_slice(format!("{magnitude:#x}").as_bytes());
                return;
            }
            'v' | 'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' | 'q' | 'U' => return self.rune(if negative { u64::MAX } else { magnitude }, verb),
            _ => return self.bad_verb(value, verb),
        };
        self.digits(&digits, negative, verb);
    }

    /// Zeros from precision or the zero flag, base marks and sign, then padding.
    fn digits(&mut self, digits: &str, negative: bool, verb: char) {
        let flags = self.flags;
        let signed = negative || flags.plus || flags.space;
        let zeros = match (flags.precision, flags.width) {
            (Some(0), _) if digits == "0" => return self.spaces(flags.width.unwrap_or(0)),
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(usize::from(signed)),
            _ => 0,
        };
        let mut body = "0".repeat(zeros.saturating_sub(digits.len()));
        body.push_str(digits);
        if flags.sharp {
            match verb {
                'b' => body.insert_str(0, "0b"),
                'o' if !body.starts_with('0') => body.insert(0, '0'),
                'x' => body.insert_str(0, "0x"),
                'X' => body.insert_str(0, "0X"),
                _ => {}
            }
        }
        if verb == 'O' {
            body.insert_str(0, "0o");
        }
        if negative {
            body.insert(0, '-');
        } else if flags.plus {
            body.insert(0, '+');
        } else if flags.space {
            body.insert(0, ' ');
        }
        self.pad_with_spaces(body.as_bytes());
    }

    fn rune(&mut self, code: u64, verb: char) {
        let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        match verb {
            'c' => self.pad(c.encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => self.pad(quote::quote_rune(c, self.flags.plus).as_bytes()),
            _ => {
                let digits = self.flags.precision.map_or(4, |precision| precision.max(4));
                let mut text = format!("U+{code:0digits$X}");
                if self.flags.sharp
                    && char::from_u32(u32::try_from(code).unwrap_or(u32::MAX)).is_some_and(quote::is_print)
                {
                    text.push_str(&format!(" '{c}'"));
                }
                self.pad_with_spaces(text.as_bytes());
            }
        }
    }

    fn float(&mut self, value: &Value, number: f64, verb: char) {
        let (style, default) = match verb {
            'v' | 'g' => ('g', None),
            'G' => ('G', None),
            'f' | 'F' => ('f', Some(6)),
            'e' => ('e', Some(6)),
            'E' => ('E', Some(6)),
            'x' | 'X' | 'b' => (verb, None),
            _ => return self.bad_verb(value, verb),
        };
        let flags = self.flags;
        let mut text = float::format_float(number, style, flags.precision.or(default));
        if !text.starts_with(['+', '-']) {
            text.insert(0, '+');
        }
        if flags.space && text.starts_with('+') && !flags.plus {
            text.replace_range(..1, " ");
        }
        if !number.is_finite() {
            if number.is_nan() && !flags.space && !flags.plus {
                text.remove(0);
            } else if text.starts_with('+') && !flags.plus {
                text.remove(0);
                text.insert(0, '+');
            }
            return self.pad_with_spaces(text.as_bytes());
        }
        if flags.sharp {
            text = sharp_float(&text, style, flags.precision);
        }
        if flags.plus || !text.starts_with('+') {
            let width = flags.width.unwrap_or(0);
            if flags.zero && !flags.minus && width > text.len() {
                text.insert_str(1, &"0".repeat(width - text.len()));
            }
            return self.pad(text.as_bytes());
        }
        self.pad(text.as_bytes().get(1..).unwrap_or_default());
    }

    /// At most the precision's number of characters.
    fn truncated<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(precision) = self.flags.precision else { return bytes };
        let mut end = 0;
        let mut left = precision;
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                if left == 0 {
                    return &bytes[..end];
                }
                left -= 1;
                end += c.len_utf8();
            }
            for _ in chunk.invalid() {
                if left == 0 {
                    return &bytes[..end];
                }
                left -= 1;
                end += 1;
            }
        }
        bytes
    }

    /// Pads to the width in characters, with zeros when asked for and allowed.
    fn pad(&mut self, bytes: &[u8]) {
        let fill = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.pad_fill(bytes, fill);
    }

    fn pad_with_spaces(&mut self, bytes: &[u8]) {
        self.pad_fill(bytes, b' ');
    }

    fn pad_fill(&mut self, bytes: &[u8], fill: u8) {
        let Some(width) = self.flags.width else {
            self.out.extend_from_slice(bytes);
            return;
        };
        let chars: usize = bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum();
        let missing = width.saturating_sub(chars);
        if !self.flags.minus {
            self.out.resize(self.out.len() + missing, fill);
        }
        self.out.extend_from_slice(bytes);
        if self.flags.minus {
            self.out.resize(self.out.len() + missing, b' ');
        }
    }

    fn spaces(&mut self, count: usize) {
        self.out.resize(self.out.len() + count, b' ');
    }

    fn push(&mut self, c: char) {
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// `%#g` and its kin: always a point; `%#g` keeps trailing zeros up to the precision (6).
fn sharp_float(text: &str, style: char, precision: Option<usize>) -> String {
    let split = text.find(['e', 'E']).unwrap_or(text.len());
    let (number, tail) = text.split_at(split);
    let mut number = number.to_owned();
    let has_point = number.contains('.');
    let mut wanted = if matches!(style, 'g' | 'G') { precision.unwrap_or(6) } else { 0 };
    let significant = number.trim_start_matches(|c: char| !c.is_ascii_digit() || c == '0');
    let mut seen = significant.bytes().filter(u8::is_ascii_digit).count();
    if number.trim_start_matches(['+', '-', ' ']).starts_with("0.") {
        let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
        seen = fraction.trim_start_matches('0').len();
    }
    if !has_point {
        if number.trim_start_matches(['+', '-', ' ']) == "0" {
            wanted = wanted.saturating_sub(1);
        }
        number.push('.');
    }
    number.push_str(&"0".repeat(wanted.saturating_sub(seen)));
    number.push_str(tail);
    number
}
