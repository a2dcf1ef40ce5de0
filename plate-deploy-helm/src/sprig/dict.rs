//! Sprig's `dict.go`: maps, which are changed in place and seen through every alias.

use crate::value::kind::type_name;
use crate::value::{FuncError, Function, Map, MapKind, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::merge::merge_into;
use super::text::strval;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("dict", dict, (; &Value)),
    function!("get", |map: Map, key: &Str| lookup(&map, key).unwrap_or_else(|| Value::str("")), (Map, &Str)),
    function!("set", set, (Map, &Str, &Value)),
    function!("unset", unset, (Map, &Str)),
    function!("hasKey", |map: Map, key: &Str| map.borrow().contains_key(key), (Map, &Str)),
    function!("pluck", pluck, (&Str; Map)),
    function!("keys", keys, (; Map)),
    function!("pick", pick, (Map; &Str)),
    function!("omit", omit, (Map; &Str)),
    function!("merge", |dst: Map, sources| lenient(merge(&dst, sources, false)), (Map; Map)),
    function!("mergeOverwrite", |dst: Map, sources| lenient(merge(&dst, sources, true)), (Map; Map)),
    function!("mustMerge", |dst: Map, sources| merge(&dst, sources, false), (Map; Map)),
    function!("mustMergeOverwrite", |dst: Map, sources| merge(&dst, sources, true), (Map; Map)),
    function!("values", |map: Map| Value::list(map.borrow().values().cloned().collect()), (Map)),
    function!("dig", dig, (; &Value)),
];

fn lookup(map: &Map, key: &Str) -> Option<Value> {
    map.borrow().get(key).cloned()
}

fn dict(pairs: Vec<&Value>) -> Map {
    let entry = |pair: &[&Value]| match pair {
        [key, value] => (strval(key), (*value).clone()),
        _ => (pair.first().map(|key| strval(key)).unwrap_or_default(), Value::str("")),
    };
    pairs.chunks(2).map(entry).collect()
}

fn set(map: Map, key: &Str, value: &Value) -> Result<Map, FuncError> {
    if map.is_nil() {
        return Err(FuncError::msg("assignment to entry in nil map"));
    }
    map.insert(key.clone(), value.clone());
    Ok(map)
}

fn unset(map: Map, key: &Str) -> Map {
    map.remove_bytes(key.as_bytes());
    map
}

fn pluck(key: &Str, maps: Vec<Map>) -> Value {
    Value::list(maps.iter().filter_map(|map| lookup(map, key)).collect())
}

/// Go gives the keys in random order; here they are sorted.
fn keys(maps: Vec<Map>) -> Value {
    Value::strings(maps.iter().flat_map(|map| map.borrow().keys().cloned().collect::<Vec<_>>()))
}

fn pick(map: Map, keys: Vec<&Str>) -> Map {
    keys.into_iter().filter_map(|key| Some((key.clone(), lookup(&map, key)?))).collect()
}

fn omit(map: Map, keys: Vec<&Str>) -> Map {
    map.snapshot().into_iter().filter(|(key, _)| !keys.contains(&key)).collect()
}

fn merge(dst: &Map, sources: Vec<Map>, overwrite: bool) -> Result<Value, FuncError> {
    for source in sources {
        merge_into(dst, &source, overwrite)?;
    }
    Ok(Value::Map(dst.clone()))
}

/// The plain variants swallow mergo's errors, but a limit still ends the render.
fn lenient(merged: Result<Value, FuncError>) -> Result<Value, FuncError> {
    match merged {
        Err(FuncError::Message(_)) => Ok(Value::str("")),
        other => other,
    }
}

fn dig(args: Vec<&Value>) -> Result<Value, FuncError> {
    let [keys @ .., default, map] = &args[..] else { return Err(FuncError::msg("dig needs at least three arguments")) };
    if keys.is_empty() {
        return Err(FuncError::msg("dig needs at least three arguments"));
    }
    let mut map = as_plain_map(map)?;
    let keys = keys.iter().map(|key| as_string(key)).collect::<Result<Vec<_>, _>>()?;
    for (at, key) in keys.iter().enumerate() {
        let Some(step) = lookup(&map, key) else { return Ok((*default).clone()) };
        if at + 1 == keys.len() {
            return Ok(step);
        }
        map = as_plain_map(&step)?;
    }
    Ok((*default).clone())
}

fn not_a(value: &Value, wanted: &str) -> FuncError {
    let got = if value.is_nil() { "nil".into() } else { type_name(value) };
    FuncError::msg(format!("interface conversion: interface {{}} is {got}, not {wanted}"))
}

/// A Go type assertion: unlike a parameter, Helm's named `Values` type does not pass.
fn as_plain_map(value: &Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(map) if map.kind() == MapKind::Any => Ok(map.clone()),
        _ => Err(not_a(value, "map[string]interface {}")),
    }
}

fn as_string(value: &Value) -> Result<Str, FuncError> {
    value.as_str().cloned().ok_or_else(|| not_a(value, "string"))
}
