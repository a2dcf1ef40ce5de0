//! Go's `fmt.Sprintf`: verbs, flags, widths, explicit argument indexes and Go's notes about misuse.

use super::kind::type_name;
use super::printer::{Flags, Printer};
use super::{Env, FuncError, Str, Value};

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
                    3.25.into(),
                    3.25.into(),
                    3.25.into(),
                    31415.9.into(),
                    1e-7.into(),
                    1e21.into(),
                    (-3.25).into(),
                    2.0.into(),
                ],
                "3.250000 3.25    3.250 3.141590e+04 1e-07 1E+21 -0003.25 +2.0",
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
