//! Go's `fmt` over [`Value`]s: `%v` of every kind, `Sprint`, `Sprintln`.
//!
//! [`super::printf`] holds the format-string side.

use super::printer::Printer;
use super::{Str, Value};

/// Appends what `{{ value }}` prints, Go's `%v`.
pub fn append(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Str(text) => out.extend_from_slice(text.as_bytes()),
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Int(n, _) => append_int(out, *n),
        other => {
            let mut printer = Printer::new(std::mem::take(out));
            printer.arg(other, 'v');
            *out = printer.into_bytes();
        }
    }
}

fn append_int(out: &mut Vec<u8>, n: i64) {
    use std::io::Write as _;
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{n}");
}

/// Go's `fmt.Sprint(value)`, or `fmt.Sprintf("%v", value)`.
#[must_use]
pub fn to_str(value: &Value) -> Str {
    if let Value::Str(text) = value {
        return text.clone();
    }
    let mut out = Vec::new();
    append(&mut out, value);
    Str::from(out)
}

/// As [`to_str`], as text: invalid UTF-8 becomes U+FFFD.
#[must_use]
pub fn to_string(value: &Value) -> String {
    to_str(value).text().into_owned()
}

/// Go's `fmt.Sprintf` with one plain verb, as text.
#[must_use]
pub fn with_verb(value: &Value, verb: char) -> String {
    let mut printer = Printer::new(Vec::new());
    printer.arg(value, verb);
    String::from_utf8_lossy(&printer.into_bytes()).into_owned()
}

/// Go's `fmt.Sprint`: a space between operands when neither is a string.
#[must_use]
pub fn sprint(args: &[Value]) -> Str {
    let mut out = Vec::new();
    let mut previous_is_string = false;
    for (index, arg) in args.iter().enumerate() {
        let is_string = matches!(arg, Value::Str(_));
        if index > 0 && !is_string && !previous_is_string {
            out.push(b' ');
        }
        append(&mut out, arg);
        previous_is_string = is_string;
    }
    Str::from(out)
}

/// Go's `fmt.Sprintln`: a space between all operands and a newline.
#[must_use]
pub fn sprintln(args: &[Value]) -> Str {
    let mut out = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        append(&mut out, arg);
    }
    out.push(b'\n');
    Str::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Map;

    #[test]
    fn prints_as_go_does() {
        let map = Map::from_iter([("b", Value::Nil), ("a", Value::list(vec![Value::Float(1e6), Value::str("x")]))]);
        assert_eq!(to_string(&Value::Map(map)), "map[a:[1e+06 x] b:<nil>]");
        assert_eq!(to_string(&Value::strings(["a", "b"])), "[a b]");
        let args = [Value::int(1), Value::int(2), Value::str("a"), Value::str("b"), Value::int(3), Value::Nil];
        assert_eq!(sprint(&args).text(), "1 2ab3 <nil>");
        assert_eq!(sprintln(&[Value::str("x"), Value::Bool(true)]).text(), "x true\n");
    }

    #[test]
    fn a_map_inside_itself_ends() {
        let map = Map::new();
        map.insert("self", Value::Map(map.clone()));
        assert!(to_string(&Value::Map(map.clone())).contains("nested too deeply"));
        map.remove("self");
    }
}
