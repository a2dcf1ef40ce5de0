//! Sprig's `list.go`. Lists are never changed in place; every function gives a new one.

use crate::value::compare::deep_equal;
use crate::value::kind::kind_name;
use crate::value::{Env, FuncError, Function, List, ListKind, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::cast::to_int64;
use super::text::{strslice, strval};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("list", list, (; &Value)),
    function!("tuple", list, (; &Value)),
    function!("append", push, (&Value, &Value)),
    function!("mustAppend", push, (&Value, &Value)),
    function!("push", push, (&Value, &Value)),
    function!("mustPush", push, (&Value, &Value)),
    function!("prepend", prepend, (&Value, &Value)),
    function!("mustPrepend", prepend, (&Value, &Value)),
    function!("first", first, (&Value)),
    function!("mustFirst", first, (&Value)),
    function!("last", last, (&Value)),
    function!("mustLast", last, (&Value)),
    function!("rest", rest, (&Value)),
    function!("mustRest", rest, (&Value)),
    function!("initial", initial, (&Value)),
    function!("mustInitial", initial, (&Value)),
    function!("reverse", reverse, (&Value)),
    function!("mustReverse", reverse, (&Value)),
    function!("uniq", env uniq, (&Value)),
    function!("mustUniq", env uniq, (&Value)),
    function!("without", env without, (&Value; &Value)),
    function!("mustWithout", env without, (&Value; &Value)),
    function!("has", has, (&Value, &Value)),
    function!("mustHas", has, (&Value, &Value)),
    function!("slice", slice, (&Value; &Value)),
    function!("mustSlice", slice, (&Value; &Value)),
    function!("concat", concat, (; &Value)),
    function!("chunk", chunk, (i64, &Value)),
    function!("mustChunk", chunk, (i64, &Value)),
    function!("sortAlpha", sort_alpha, (&Value)),
];

/// The items of a list argument; `wrong` names the fault with the kind of what is there instead.
pub(super) fn items(value: &Value, wrong: impl Fn(&str) -> String) -> Result<&[Value], FuncError> {
    match value {
        Value::List(list) => Ok(list.items()),
        // Go asks the nil type for its kind.
        Value::Nil => Err(FuncError::msg("runtime error: invalid memory address or nil pointer dereference")),
        _ => Err(FuncError::Message(wrong(kind_name(value)))),
    }
}

/// The items, or Sprig's usual `Cannot WHAT on type KIND`.
fn items_for<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], FuncError> {
    items(value, |kind| format!("Cannot {what} on type {kind}"))
}

fn list(values: Vec<&Value>) -> Value {
    Value::list(values.into_iter().cloned().collect())
}

fn push(list: &Value, value: &Value) -> Result<Value, FuncError> {
    let mut out = items_for(list, "push")?.to_vec();
    out.push(value.clone());
    Ok(Value::list(out))
}

fn prepend(list: &Value, value: &Value) -> Result<Value, FuncError> {
    let items = items_for(list, "prepend")?;
    Ok(Value::List(std::iter::once(value).chain(items).cloned().collect()))
}

fn first(list: &Value) -> Result<Value, FuncError> {
    Ok(items_for(list, "find first")?.first().cloned().unwrap_or_default())
}

fn last(list: &Value) -> Result<Value, FuncError> {
    Ok(items_for(list, "find last")?.last().cloned().unwrap_or_default())
}

fn rest(list: &Value) -> Result<Value, FuncError> {
    let items = items_for(list, "find rest")?;
    Ok(items.split_first().map_or_else(nil_list, |(_, rest)| Value::list(rest.to_vec())))
}

fn initial(list: &Value) -> Result<Value, FuncError> {
    let items = items_for(list, "find initial")?;
    Ok(items.split_last().map_or_else(nil_list, |(_, rest)| Value::list(rest.to_vec())))
}

/// A nil `[]interface {}`.
fn nil_list() -> Value {
    Value::List(List::nil(ListKind::Any))
}

fn reverse(list: &Value) -> Result<Value, FuncError> {
    Ok(Value::List(items_for(list, "find reverse")?.iter().rev().cloned().collect()))
}

/// Comparing every item with every other is charged as the work it is.
fn charge_comparisons(env: &dyn Env, items: usize, others: usize) -> Result<(), FuncError> {
    env.charge((items as u64).saturating_mul(others as u64))
}

fn uniq(env: &dyn Env, list: &Value) -> Result<Value, FuncError> {
    let items = items_for(list, "find uniq")?;
    charge_comparisons(env, items.len(), items.len())?;
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        if !out.iter().any(|seen| deep_equal(item, seen)) {
            out.push(item.clone());
        }
    }
    Ok(Value::list(out))
}

fn without(env: &dyn Env, list: &Value, omit: Vec<&Value>) -> Result<Value, FuncError> {
    let items = items_for(list, "find without")?;
    charge_comparisons(env, items.len(), omit.len())?;
    let kept = items.iter().filter(|item| !omit.iter().any(|omitted| deep_equal(item, omitted)));
    Ok(Value::list(kept.cloned().collect()))
}

fn has(needle: &Value, haystack: &Value) -> Result<bool, FuncError> {
    if haystack.is_nil() {
        return Ok(false);
    }
    Ok(items_for(haystack, "find has")?.iter().any(|item| deep_equal(needle, item)))
}

fn slice(value: &Value, indices: Vec<&Value>) -> Result<Value, FuncError> {
    let all = items(value, |kind| format!("list should be type of slice or array but {kind}"))?;
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let start = indices.first().map_or(0, |index| to_int64(index));
    let end = indices.get(1).map_or(i64::try_from(all.len()).unwrap_or(i64::MAX), |index| to_int64(index));
    let part = usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(start, end)| all.get(start..end));
    let part = part.ok_or_else(|| FuncError::msg("reflect.Value.Slice: slice index out of bounds"))?;
    let kind = value.as_list().map(List::kind).unwrap_or_default();
    Ok(Value::List(List::new(part.to_vec(), kind)))
}

fn concat(lists: Vec<&Value>) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for list in lists {
        out.extend_from_slice(items(list, |kind| format!("Cannot concat type {kind} as list"))?);
    }
    Ok(if out.is_empty() { nil_list() } else { Value::list(out) })
}

fn chunk(size: i64, list: &Value) -> Result<Value, FuncError> {
    let items = items(list, |kind| format!("Cannot chunk type {kind}"))?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| FuncError::msg("runtime error: makeslice: len out of range"))?;
    let chunks = items.chunks(size).map(|part| Value::list(part.to_vec())).collect();
    Ok(Value::List(List::new(chunks, ListKind::Lists)))
}

fn sort_alpha(value: &Value) -> Value {
    let mut texts: Vec<Str> = match value {
        Value::List(_) => strslice(value),
        _ => vec![strval(value)],
    };
    texts.sort();
    Value::strings(texts)
}
