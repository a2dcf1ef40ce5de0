//! Sprig's `defaults.go`: emptiness, choice, deep copies (its JSON functions are in `json.rs`).

use crate::value::{FuncError, Function, List, Map, Value};

use super::args::{Args, Outcome, count, function};
use super::list::items;

/// Deepest value `deepCopy` and `merge` follow; a map that holds itself would never end.
pub(super) const MAX_DEPTH: usize = 1000;
/// Stack a step down must find, and how much more it gets when it does not.
pub(super) const STACK_LEFT: usize = 64 << 10;
/// See [`STACK_LEFT`].
pub(super) const STACK_MORE: usize = 1 << 20;

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
    stacker::maybe_grow(STACK_LEFT, STACK_MORE, || copy_one(value, depth))
}

fn copy_one(value: &Value, depth: usize) -> Result<Value, FuncError> {
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
