//! Small things about JSON that the comparison needs everywhere.

use serde_json::{Map, Number, Value};

/// Deeper objects are refused: every step of a comparison walks the whole object.
const MAX_DEPTH: usize = 100;

/// Whether the value is nested deeper than any object Kubernetes would take.
pub(super) fn is_too_deep(value: &Value) -> bool {
    exceeds(value, MAX_DEPTH)
}

fn exceeds(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| exceeds(item, left - 1)),
        Value::Object(map) => left == 0 || map.values().any(|item| exceeds(item, left - 1)),
        _ => false,
    }
}

/// Writes whole numbers as integers: Go's JSON knows no difference between `1` and `1.0`.
#[expect(clippy::cast_possible_truncation, reason = "whole and inside the range that is exact")]
pub(super) fn normalize_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9e15);
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize_numbers),
        Value::Object(map) => map.values_mut().for_each(normalize_numbers),
        _ => {}
    }
}

/// The object at a path, if there is one.
pub(super) fn object_at<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(value, |value, key| value.get_mut(*key))?.as_object_mut()
}

/// Removes the field at a path; nothing happens where there is none.
pub(super) fn remove_field(value: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else { return };
    if let Some(map) = object_at(value, parents) {
        map.remove(*last);
    }
}

/// The live value reduced to what the wanted one mentions; extra elements at the end of lists stay, they are
/// differences (gitops-engine's `RemoveMapFields`).
pub(super) fn only_mentioned(config: &Value, live: &Value) -> Value {
    match (config, live) {
        (Value::Object(config), Value::Object(live)) => {
            let mentioned = config.iter().filter_map(|(key, wanted)| Some((key, wanted, live.get(key)?)));
            mentioned.map(|(key, wanted, live)| (key.clone(), only_mentioned(wanted, live))).collect()
        }
        (Value::Array(config), Value::Array(live)) => {
            let reduced = live.iter().enumerate().map(|(i, item)| match config.get(i) {
                Some(wanted) => only_mentioned(wanted, item),
                None => item.clone(),
            });
            reduced.collect()
        }
        (_, live) => live.clone(),
    }
}

/// JSON as Go writes it into annotations: keys sorted, `<`, `>` and `&` escaped.
pub(super) fn go_text(value: &Value) -> String {
    let text = sorted(value).to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
