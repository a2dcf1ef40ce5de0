//! Go's `fmt.Sprintf`: verbs, flags, widths, explicit argument indexes and Go's notes about misuse.

use super::kind::type_name;
use super::{Env, FuncError, List, ListKind, Map, Object, Str, Value, float, quote};

/// How deep nested values are printed; only templates can build deeper ones, by putting a map into itself.
const MAX_DEPTH: usize = 500;
/// No more is printed once the output is this long.
const MAX_OUTPUT: usize = 1 << 28;
/// Go refuses widths and precisions above this.
const MAX_NUMBER: i64 = 1_000_000;

/// Go's `fmt.Sprintf(format, args...)`.
///
/// # Errors
/// [`FuncError::Limit`] when a width or precision asks for more output than the render may make.
pub fn sprintf(env: &dyn Env, format: &[u8], args: &[Value]) -> Result<Str, FuncError> {
    let mut formatter =
        Formatter { format, at: 0, args, next: 0, reordered: false, printer: Printer::new(Vec::new()), env };
    formatter.run()?;
    Ok(Str::from(formatter.printer.into_bytes()))
}

/// One verb's flags.
#[derive(Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v` and `%#v`, which are not about numbers.
    plus_v: bool,
    sharp_v: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Writes values under a verb and its flags.
pub(super) struct Printer {
    out: Vec<u8>,
    flags: Flags,
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
    fn bad_verb(&mut self, value: &Value, verb: char) {
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
        self.pad(text[1..].as_bytes());
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

/// Walks a format string.
struct Formatter<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    next: usize,
    reordered: bool,
    printer: Printer,
    env: &'a dyn Env,
}

impl Formatter<'_> {
    fn run(&mut self) -> Result<(), FuncError> {
        while self.at < self.format.len() {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte != b'%') {
                self.at += 1;
            }
            self.printer.out.extend_from_slice(&self.format[start..self.at]);
            if self.at >= self.format.len() {
                break;
            }
            self.at += 1;
            if !self.directive()? {
                break;
            }
        }
        self.extra();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// One directive after its `%`; false at the end of the format.
    fn directive(&mut self) -> Result<bool, FuncError> {
        self.printer.flags = Flags::default();
        self.flags();
        let mut good = true;
        let mut after_index = self.index(&mut good);
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.star_width();
            after_index = false;
        } else {
            self.printer.flags.width = self.number();
            good &= !(after_index && self.printer.flags.width.is_some());
        }
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            good &= !after_index;
            after_index = self.index(&mut good);
            if self.peek() == Some(b'*') {
                self.at += 1;
                self.star_precision();
                after_index = false;
            } else {
                self.printer.flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index(&mut good);
        }
        let size = self.printer.flags.width.unwrap_or(0) + self.printer.flags.precision.unwrap_or(0);
        self.env.charge(size as u64)?;
        Ok(self.verb(good))
    }

    fn flags(&mut self) {
        let flags = &mut self.printer.flags;
        while let Some(byte) = self.format.get(self.at) {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn verb(&mut self, good: bool) -> bool {
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(chunk) = rest.utf8_chunks().next() else {
            self.printer.out.extend_from_slice(b"%!(NOVERB)");
            return false;
        };
        let verb = chunk.valid().chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        self.at += if chunk.valid().is_empty() { 1 } else { verb.len_utf8() };
        if verb == '%' {
            self.printer.out.push(b'%');
        } else if !good {
            self.note(verb, "(BADINDEX)");
        } else if let Some(arg) = self.args.get(self.next) {
            let flags = &mut self.printer.flags;
            if verb == 'v' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            if verb == 'w' {
                self.printer.bad_verb(arg, verb);
            } else {
                self.printer.arg(arg, verb);
            }
            self.next += 1;
        } else {
            self.note(verb, "(MISSING)");
        }
        true
    }

    fn note(&mut self, verb: char, text: &str) {
        self.printer.out.extend_from_slice(format!("%!{verb}{text}").as_bytes());
    }

    /// `%!(EXTRA type=value, …)` for operands no verb took.
    fn extra(&mut self) {
        let Some(rest) = self.args.get(self.next..).filter(|rest| !rest.is_empty() && !self.reordered) else { return };
        self.printer.flags = Flags::default();
        self.printer.out.extend_from_slice(b"%!(EXTRA ");
        for (index, arg) in rest.iter().enumerate() {
            if index > 0 {
                self.printer.out.extend_from_slice(b", ");
            }
            if !arg.is_nil() {
                self.printer.out.extend_from_slice(type_name(arg).as_bytes());
                self.printer.out.push(b'=');
            }
            self.printer.arg(arg, 'v');
        }
        self.printer.out.push(b')');
    }

    /// `[n]`: whether there was one; a bad one makes the directive a BADINDEX.
    fn index(&mut self, good: &mut bool) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(close) = rest.iter().position(|byte| *byte == b']') else {
            *good = false;
            self.at += 1;
            return false;
        };
        let number = std::str::from_utf8(&rest[1..close]).ok().and_then(|text| {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().ok()).flatten()
        });
        self.at += close + 1;
        match number.and_then(|number| number.checked_sub(1)) {
            Some(index) if index < self.args.len() => self.next = index,
            _ => *good = false,
        }
        number.is_some()
    }

    fn number(&mut self) -> Option<usize> {
        let mut number: Option<i64> = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let value = number.unwrap_or(0) * 10 + i64::from(digit - b'0');
            if value > MAX_NUMBER * 10 {
                self.at = self.format.len();
                return None;
            }
            number = Some(value);
            self.at += 1;
        }
        number.and_then(|number| usize::try_from(number).ok())
    }

    fn star(&mut self) -> Option<i64> {
        let value = match self.args.get(self.next)? {
            Value::Int(n, _) => Some(*n),
            Value::Uint(n) => i64::try_from(*n).ok(),
            _ => None,
        };
        self.next += 1;
        value.filter(|number| (-MAX_NUMBER..=MAX_NUMBER).contains(number))
    }

    fn star_width(&mut self) {
        match self.star() {
            None => self.printer.out.extend_from_slice(b"%!(BADWIDTH)"),
            Some(width) => {
                let flags = &mut self.printer.flags;
                flags.width = usize::try_from(width.unsigned_abs()).ok();
                if width < 0 {
                    flags.minus = true;
                    flags.zero = false;
                }
            }
        }
    }

    fn star_precision(&mut self) {
        let precision = self.star().and_then(|precision| usize::try_from(precision).ok());
        if precision.is_none() {
            self.printer.out.extend_from_slice(b"%!(BADPREC)");
        }
        self.printer.flags.precision = precision;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Free;

    impl Env for Free {
        fn now(&self) -> jiff::Zoned {
            jiff::Zoned::default()
        }
        fn random(&self, _: &mut [u8]) {}
        fn charge(&self, _: u64) -> Result<(), FuncError> {
            Ok(())
        }
    }

    fn run(format: &str, args: &[Value]) -> String {
        sprintf(&Free, format.as_bytes(), args).map(|text| text.text().into_owned()).unwrap_or_default()
    }

    /// Expected text from Go 1.26's fmt.
    #[test]
    fn formats_as_go_does() {
        let int = Value::int;
        let table: Vec<(&str, Vec<Value>, &str)> = vec![
            (
                "%d %5d %-5d| %05d %+d % d",
                vec![int(42), int(42), int(42), int(-42), int(4), int(4)],
                "42    42 42   | -0042 +4  4",
            ),
            (
                "%x %X %#x %o %#o %b %O",
                vec![int(255), int(255), int(255), int(8), int(8), int(5), int(8)],
                "ff FF 0xff 10 010 101 0o10",
            ),
            ("%c %q %U %#U", vec![int(65), int(65), int(65), int(0x1F600)], "A 'A' U+0041 U+1F600 '😀'"),
            (
                "%10s|%-10s|%.2s|%05s",
                vec![Value::str("abc"), Value::str("abc"), Value::str("abc"), Value::str("a")],
                "       abc|abc       |ab|0000a",
            ),
            (
                "%f %.2f %8.3f %e %g %G %08.2f %+.1f",
                vec![
                    3.14159.into(),
                    3.14159.into(),
                    3.14159.into(),
                    31415.9.into(),
                    1e-7.into(),
                    1e21.into(),
                    (-3.14159).into(),
                    2.0.into(),
                ],
                "3.141590 3.14    3.142 3.141590e+04 1e-07 1E+21 -0003.14 +2.0",
            ),
            ("%d %s %t", vec![Value::str("x"), int(3), int(1)], "%!d(string=x) %!s(int=3) %!t(int=1)"),
            ("%s", vec![], "%!s(MISSING)"),
            ("x", vec![int(1), Value::Nil, Value::str("a")], "x%!(EXTRA int=1, <nil>, string=a)"),
            ("%!", vec![], "%!!(MISSING)"),
            ("%", vec![], "%!(NOVERB)"),
            ("%[2]d %[1]d %[3]d %[x]d", vec![int(1), int(2)], "2 1 %!d(BADINDEX) %!d(BADINDEX)"),
            ("%*d|%-*d|%.*f", vec![int(5), int(42), int(4), int(7), int(1), 2.55.into()], "   42|7   |2.5"),
            ("%v %+v %#v", vec![Value::strings(["a"]), Value::Nil, Value::strings(["a"])], "[a] <nil> []string{\"a\"}"),
            (
                "%s %d %s",
                vec![
                    Value::list(vec![int(1), Value::str("a")]),
                    Value::list(vec![int(1), Value::str("a")]),
                    Value::Nil,
                ],
                "[%!s(int=1) a] [1 %!d(string=a)] %!s(<nil>)",
            ),
            (
                "%x %X % x %q",
                vec![Value::str("hi"), Value::str("hi"), Value::str("hi"), Value::str("h\n")],
                "6869 6869 68 69 \"h\\n\"",
            ),
            ("%5t|%-7t|%%|%T", vec![true.into(), false.into(), Value::Float(1.0)], " true|false  |%|float64"),
            (
                "%#q %+q %6.2f|%-8v|%3c|",
                vec![Value::str("a`b"), Value::str("é"), 1.5.into(), Value::str("ab"), int(120)],
                "\"a`b\" \"\\u00e9\"   1.50|ab      |  x|",
            ),
            (
                "%#g %#.3g %v %v",
                vec![1.0.into(), 1.5.into(), f64::INFINITY.into(), f64::NAN.into()],
                "1.00000 1.50 +Inf NaN",
            ),
            (
                "%6d|%06d|%x|%.3d|%+05d",
                vec![int(-1), int(-1), int(-255), int(7), int(3)],
                "    -1|-00001|-ff|007|+0003",
            ),
        ];
        for (format, args, want) in table {
            assert_eq!(run(format, &args), want, "{format}");
        }
    }
}
