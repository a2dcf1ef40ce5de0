//! Text/template's own functions. `and` and `or` are not here: they decide which arguments run, so exec has them.

use std::sync::LazyLock;

use super::function::{Body, Builtin, Callable, Signature, Type};
use super::val::{Val, element_of, item_of, zero_of};
use crate::value::compare::{eq, le, lt};
use crate::value::kind::type_name;
use crate::value::{Env, FuncError, List, Map, Str, Value, print, printf, quote};

static TABLE: LazyLock<Vec<Callable>> = LazyLock::new(|| {
    use Builtin as B;
    let one = || Signature::fixed(&[Type::Reflect]);
    let two = || Signature::fixed(&[Type::Reflect, Type::Reflect]);
    let some = || Signature::variadic(&[Type::Reflect, Type::Reflect]);
    let any = || Signature::variadic(&[Type::Any]);
    [
        ("and", B::And, some()),
        ("or", B::Or, some()),
        ("call", B::Call, some()),
        ("html", B::Html, any()),
        ("index", B::Index, some()),
        ("js", B::Js, any()),
        ("len", B::Len, one()),
        ("not", B::Not, one()),
        ("print", B::Print, any()),
        ("printf", B::Printf, Signature::variadic(&[Type::String, Type::Any])),
        ("println", B::Println, any()),
        ("slice", B::Slice, some()),
        ("urlquery", B::UrlQuery, any()),
        ("eq", B::Eq, some()),
        ("ge", B::Ge, two()),
        ("gt", B::Gt, two()),
        ("le", B::Le, two()),
        ("lt", B::Lt, two()),
        ("ne", B::Ne, two()),
    ]
    .into_iter()
    .map(|(name, builtin, signature)| Callable { name, signature, body: Body::Builtin(builtin) })
    .collect()
});

/// The built-in function of that name.
pub(super) fn get(name: &str) -> Option<&'static Callable> {
    TABLE.iter().find(|callable| callable.name == name)
}

/// Runs a built-in function on checked arguments.
pub(super) fn call(builtin: Builtin, env: &dyn Env, args: &[Val]) -> Result<Val, FuncError> {
    let arg = |index: usize| args.get(index).map_or(&Value::Nil, |arg| &arg.value);
    let flag = |result: bool| Ok(Val::plain(Value::Bool(result)));
    match builtin {
        // Exec evaluates these two; with all arguments evaluated, the last decides.
        Builtin::And | Builtin::Or => Ok(args.last().cloned().unwrap_or_default()),
        Builtin::Call if arg(0).is_nil() => Err(FuncError::msg("call of nil")),
        Builtin::Call => Err(FuncError::msg(format!("non-function of type {}", type_name(arg(0))))),
        Builtin::Html => text_of(env, args).map(|text| Val::plain(Value::Str(html(&text)))),
        Builtin::Js => text_of(env, args).map(|text| Val::plain(Value::Str(js(&text)))),
        Builtin::UrlQuery => text_of(env, args).map(|text| Val::plain(Value::Str(url_query(&text)))),
        Builtin::Index => index(args),
        Builtin::Slice => slice(args),
        Builtin::Len => args.first().map_or(Ok(0), length).map(|n| Val::plain(Value::int(as_int(n)))),
        Builtin::Not => flag(!arg(0).truth()),
        Builtin::Print | Builtin::Println | Builtin::Printf => {
            let values: Vec<Value> = args.iter().map(|arg| arg.value.clone()).collect();
            charge(env, &values)?;
            let text = match (builtin, values.split_first()) {
                (Builtin::Print, _) => print::sprint(&values),
                (Builtin::Println, _) => print::sprintln(&values),
                (_, Some((Value::Str(format), rest))) => printf::sprintf(env, format.as_bytes(), rest)?,
                _ => Str::default(),
            };
            Ok(Val::plain(Value::Str(text)))
        }
        Builtin::Eq => equal(args).and_then(flag),
        Builtin::Ne => eq(arg(0), arg(1)).and_then(|same| flag(!same)),
        Builtin::Lt => lt(arg(0), arg(1)).and_then(flag),
        Builtin::Le => le(arg(0), arg(1)).and_then(flag),
        Builtin::Gt => le(arg(0), arg(1)).and_then(|below| flag(!below)),
        Builtin::Ge => lt(arg(0), arg(1)).and_then(|below| flag(!below)),
    }
}

fn as_int(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Doubling a string in a loop must meet the budget.
fn charge(env: &dyn Env, values: &[Value]) -> Result<(), FuncError> {
    let bytes: usize = values.iter().map(|value| value.as_str().map_or(8, Str::len)).sum();
    env.charge(bytes as u64)
}

/// The arguments as `{{ }}` prints them: nil is `<no value>`.
fn text_of(env: &dyn Env, args: &[Val]) -> Result<Str, FuncError> {
    let values: Vec<Value> =
        args.iter().map(|arg| if arg.value.is_nil() { Value::str("<no value>") } else { arg.value.clone() }).collect();
    charge(env, &values)?;
    Ok(print::sprint(&values))
}

fn equal(args: &[Val]) -> Result<bool, FuncError> {
    let Some((first, rest)) = args.split_first() else { return Ok(false) };
    if rest.is_empty() {
        return Err(FuncError::msg("missing argument for comparison"));
    }
    for other in rest {
        if eq(&first.value, &other.value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn length(item: &Val) -> Result<usize, FuncError> {
    match &item.value {
        Value::Str(text) => Ok(text.len()),
        Value::List(list) => Ok(list.len()),
        Value::Map(map) => Ok(map.len()),
        Value::Nil if item.boxed => Err(FuncError::msg("len of nil pointer")),
        Value::Nil => Err(FuncError::msg("reflect: call of reflect.Value.Type on zero Value")),
        Value::Object(object) => match (object.as_map(), object.as_list()) {
            (Some(map), _) => Ok(map.len()),
            (None, Some(list)) => Ok(list.len()),
            (None, None) => Err(FuncError::msg(format!("len of type {}", object.type_name()))),
        },
        other => Err(FuncError::msg(format!("len of type {}", type_name(other)))),
    }
}

fn index(args: &[Val]) -> Result<Val, FuncError> {
    let Some((item, indexes)) = args.split_first() else { return Ok(Val::default()) };
    if item.value.is_nil() {
        return Err(FuncError::msg("index of untyped nil"));
    }
    let mut item = item.clone();
    for index in indexes {
        item = index_one(&item, &index.value)?;
    }
    Ok(item)
}

fn index_one(item: &Val, index: &Value) -> Result<Val, FuncError> {
    match &item.value {
        Value::Nil => Err(FuncError::msg("index of nil pointer")),
        Value::Map(map) => index_map(map, index),
        Value::List(list) => index_list(list, index),
        Value::Str(text) => {
            let at = position(index, text.len())?;
            let byte = text.as_bytes().get(at).ok_or_else(|| FuncError::msg("reflect: string index out of range"))?;
            Ok(Val::plain(Value::Uint(u64::from(*byte))))
        }
        Value::Object(object) => match (object.as_map(), object.as_list()) {
            (Some(map), _) => index_map(&map, index),
            (None, Some(list)) => index_list(&list, index),
            (None, None) => Err(FuncError::msg(format!("can't index item of type {}", object.type_name()))),
        },
        other => Err(FuncError::msg(format!("can't index item of type {}", type_name(other)))),
    }
}

fn index_map(map: &Map, index: &Value) -> Result<Val, FuncError> {
    match index {
        Value::Str(key) => {
            Ok(map.borrow().get(key).map_or_else(|| zero_of(map.kind()), |value| element_of(map.kind(), value.clone())))
        }
        Value::Nil => Err(FuncError::msg("value is nil; should be of type string")),
        other => Err(FuncError::msg(format!("value has type {}; should be string", type_name(other)))),
    }
}

fn index_list(list: &List, index: &Value) -> Result<Val, FuncError> {
    let at = position(index, list.len())?;
    let item = list.items().get(at).ok_or_else(|| FuncError::msg("reflect: slice index out of range"))?;
    Ok(item_of(list.kind(), item.clone()))
}

/// Go lets an index equal to the length through to a later check.
fn position(index: &Value, length: usize) -> Result<usize, FuncError> {
    let at = match index {
        Value::Int(n, _) => *n,
        Value::Uint(n) => i64::try_from(*n).unwrap_or(i64::MAX),
        Value::Nil => return Err(FuncError::msg("cannot index slice/array with nil")),
        other => {
            return Err(FuncError::msg(format!("cannot index slice/array with type {}", type_name(other))));
        }
    };
    usize::try_from(at)
        .ok()
        .filter(|at| *at <= length)
        .ok_or_else(|| FuncError::msg(format!("index out of range: {at}")))
}

fn slice(args: &[Val]) -> Result<Val, FuncError> {
    let Some((item, indexes)) = args.split_first() else { return Ok(Val::default()) };
    if indexes.len() > 3 {
        return Err(FuncError::msg(format!("too many slice indexes: {}", indexes.len())));
    }
    let length = match &item.value {
        Value::Nil => return Err(FuncError::msg("slice of untyped nil")),
        Value::Str(_) if indexes.len() == 3 => return Err(FuncError::msg("cannot 3-index slice a string")),
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(FuncError::msg(format!("can't slice item of type {}", type_name(other)))),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(&index.value, length)?;
    }
    let [from, to, cap] = bounds;
    if from > to {
        return Err(FuncError::msg(format!("invalid slice index: {from} > {to}")));
    }
    if to > cap {
        return Err(FuncError::msg(format!("invalid slice index: {to} > {cap}")));
    }
    Ok(Val::plain(match &item.value {
        Value::Str(text) => Value::Str(text.as_bytes().get(from..to).unwrap_or_default().into()),
        Value::List(list) => {
            Value::List(List::new(list.items().get(from..to).unwrap_or_default().to_vec(), list.kind()))
        }
        _ => Value::Nil,
    }))
}

/// Go's `template.HTMLEscapeString`.
fn html(text: &Str) -> Str {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    Str::from(out)
}

/// Go's `template.JSEscapeString`.
fn js(text: &Str) -> Str {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\'' => out.extend_from_slice(b"\\'"),
                '"' => out.extend_from_slice(b"\\\""),
                '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => {
                    out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
                }
                c if c.is_ascii() || quote::is_print(c) => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\uFFFD");
        }
    }
    Str::from(out)
}

/// Go's `url.QueryEscape`.
fn url_query(text: &Str) -> Str {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            other => {
                out.extend_from_slice(&[b'%', HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]]);
            }
        }
    }
    Str::from(out)
}
