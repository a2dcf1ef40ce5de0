//! Sprig's `defaults.go`: emptiness, choice, JSON, deep copies.

use crate::value::{FuncError, Function, List, Map, Str, Value, json};

use super::args::{Args, Outcome, count, function};
use super::list::items;

/// Deepest value `deepCopy` and `merge` follow; a map that holds itself would never end.
pub(super) const MAX_DEPTH: usize = 1000;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("default", default, (&Value; &Value)),
    function!("empty", empty, (&Value)),
    function!("coalesce", coalesce, (; &Value)),
    function!("all", |values: Vec<&Value>| !values.into_iter().any(empty), (; &Value)),
    function!("any", |values: Vec<&Value>| values.into_iter().any(|v| !empty(v)), (; &Value)),
    function!("compact", compact, (&Value)),
    function!("mustCompact", compact, (&Value)),
    function!("ternary", ternary, (&Value, &Value, bool)),
    function!("deepCopy", deep_copy, (&Value)),
    function!("mustDeepCopy", deep_copy, (&Value)),
    function!("fromJson", |s: &Str| json::parse(s.as_bytes()).unwrap_or_default(), (&Str)),
    function!("mustFromJson", |s: &Str| json::parse(s.as_bytes()).map_err(FuncError::Message), (&Str)),
    function!("toJson", |v| lenient(json::to_json(v)), (&Value)),
    function!("mustToJson", |v| json::to_json(v).map_err(FuncError::Message), (&Value)),
    function!("toPrettyJson", |v| lenient(json::to_pretty_json(v)), (&Value)),
    function!("mustToPrettyJson", |v| json::to_pretty_json(v).map_err(FuncError::Message), (&Value)),
    function!("toRawJson", |v| json::to_raw_json(v).map_err(FuncError::Message), (&Value)),
    function!("mustToRawJson", |v| json::to_raw_json(v).map_err(FuncError::Message), (&Value)),
];

/// Sprig's `empty`: zero of its type; a struct never is.
pub(super) fn empty(value: &Value) -> bool {
    !value.truth()
}

fn default(fallback: &Value, given: Vec<&Value>) -> Value {
    given.first().filter(|value| !empty(value)).map_or_else(|| fallback.clone(), |value| (*value).clone())
}

fn coalesce(values: Vec<&Value>) -> Value {
    values.into_iter().find(|value| !empty(value)).cloned().unwrap_or_default()
}

fn compact(list: &Value) -> Result<Value, FuncError> {
    let items = items(list, |kind| format!("Cannot compact on type {kind}"))?;
    Ok(Value::list(items.iter().filter(|item| !empty(item)).cloned().collect()))
}

fn ternary(yes: &Value, no: &Value, test: bool) -> Value {
    if test { yes.clone() } else { no.clone() }
}

/// Sprig drops the error of the plain variants, and with it the text.
fn lenient(text: Result<String, String>) -> String {
    text.unwrap_or_default()
}

fn deep_copy(value: &Value) -> Result<Value, FuncError> {
    if value.is_nil() {
        return Err(FuncError::msg("reflect: call of reflect.Value.Type on zero Value"));
    }
    copy(value, 0)
}

/// A copy that shares no map with the original.
fn copy(value: &Value, depth: usize) -> Result<Value, FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit(format!("deepCopy: the value nests deeper than {MAX_DEPTH}")));
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.items().iter().map(|item| copy(item, depth + 1)).collect::<Result<_, _>>()?;
            Value::List(List::new(items, list.kind()))
        }
        Value::Map(map) => {
            let entries = map.snapshot().into_iter().map(|(key, value)| Ok((key, copy(&value, depth + 1)?)));
            Value::Map(Map::with_kind(entries.collect::<Result<_, FuncError>>()?, map.kind()))
        }
        _ => value.clone(),
    })
}
