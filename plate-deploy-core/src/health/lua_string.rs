//! The functions of Lua's `string` library that take patterns, on the bounded matcher.

use std::sync::Arc;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::lua_pattern::{Budget, Capture, Match, find};

/// Steps that all patterns of one script may take together.
const STEPS: u64 = 5_000_000;
/// Longest text that `gsub` may make.
const MAX_TEXT: usize = 1 << 20;

/// Replaces `find`, `match`, `gmatch` and `gsub`: Lua's own run outside the interpreter, where no limit reaches them.
pub(super) fn install(lua: &Lua, string: &Table) -> mlua::Result<()> {
    let budget = Arc::new(Budget::new(STEPS));
    let shared = Arc::clone(&budget);
    let find_text =
        move |lua: &Lua, (text, pattern, init, plain): (LuaString, LuaString, Option<i64>, Option<bool>)| {
            let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
            let Some(from) = start(text.len(), init) else { return values(lua, vec![Value::Nil]) };
            if plain == Some(true) {
                let found = find_plain(text.get(from..).unwrap_or_default(), &pattern);
                let place = found.map(|at| (place(from + at + 1), place(from + at + pattern.len())));
                return values(lua, place.map_or(vec![Value::Nil], |(first, last)| vec![first, last]));
            }
            let Some(found) = search(&text, &pattern, from, &shared)? else { return values(lua, vec![Value::Nil]) };
            let mut out = vec![place(found.start + 1), place(found.end)];
            out.extend(captures(lua, &text, &found)?);
            values(lua, out)
        };
    string.set("find", lua.create_function(find_text)?)?;
    let shared = Arc::clone(&budget);
    let match_text = move |lua: &Lua, (text, pattern, init): (LuaString, LuaString, Option<i64>)| {
        let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
        let found = match start(text.len(), init) {
            Some(from) => search(&text, &pattern, from, &shared)?,
            None => None,
        };
        let Some(found) = found else { return values(lua, vec![Value::Nil]) };
        values(lua, whole_or_captures(lua, &text, &found)?)
    };
    string.set("match", lua.create_function(match_text)?)?;
    let shared = Arc::clone(&budget);
    let gmatch = move |lua: &Lua, (text, pattern): (LuaString, LuaString)| {
        let (text, pattern) = (text.as_bytes().to_vec(), pattern.as_bytes().to_vec());
        let (mut from, shared) = (0, Arc::clone(&shared));
        lua.create_function_mut(move |lua, ()| {
            if from > text.len() {
                return values(lua, vec![Value::Nil]);
            }
            let Some(found) = search(&text, &pattern, from, &shared)? else {
                from = text.len() + 1;
                return values(lua, vec![Value::Nil]);
            };
            from = if found.end > found.start { found.end } else { found.end + 1 };
            values(lua, whole_or_captures(lua, &text, &found)?)
        })
    };
    string.set("gmatch", lua.create_function(gmatch)?)?;
    let gsub = move |lua: &Lua, (text, pattern, with, most): (LuaString, LuaString, Value, Option<i64>)| {
        let (text, count) = substitute(lua, &text.as_bytes(), &pattern.as_bytes(), &with, most, &budget)?;
        values(lua, vec![Value::String(lua.create_string(text)?), place(count)])
    };
    string.set("gsub", lua.create_function(gsub)?)
}

fn values(_: &Lua, list: Vec<Value>) -> mlua::Result<MultiValue> {
    Ok(list.into_iter().collect())
}

fn place(number: usize) -> Value {
    Value::Number(u32::try_from(number).map_or(f64::MAX, f64::from))
}

fn search(text: &[u8], pattern: &[u8], from: usize, budget: &Budget) -> mlua::Result<Option<Match>> {
    find(text, pattern, from, budget).map_err(mlua::Error::runtime)
}

/// The place a search starts at, from 0; negative ones count from the end. `None` beyond the end.
fn start(len: usize, init: Option<i64>) -> Option<usize> {
    let from = match init.unwrap_or(1) {
        init if init > 0 => usize::try_from(init - 1).ok()?,
        0 => 0,
        init => len.saturating_sub(usize::try_from(init.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    (from <= len).then_some(from)
}

fn find_plain(text: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() { Some(0) } else { text.windows(needle.len()).position(|window| window == needle) }
}

fn captures(lua: &Lua, text: &[u8], found: &Match) -> mlua::Result<Vec<Value>> {
    let capture = |capture: &Capture| match *capture {
        Capture::Text(from, to) => lua.create_string(text.get(from..to).unwrap_or_default()).map(Value::String),
        Capture::Position(at) => Ok(place(at + 1)),
    };
    found.captures.iter().map(capture).collect()
}

/// The captures; without any the whole match.
fn whole_or_captures(lua: &Lua, text: &[u8], found: &Match) -> mlua::Result<Vec<Value>> {
    if !found.captures.is_empty() {
        return captures(lua, text, found);
    }
    let whole = text.get(found.start..found.end).unwrap_or_default();
    Ok(vec![Value::String(lua.create_string(whole)?)])
}

fn substitute(
    lua: &Lua,
    text: &[u8],
    pattern: &[u8],
    with: &Value,
    most: Option<i64>,
    budget: &Budget,
) -> mlua::Result<(Vec<u8>, usize)> {
    let most = most.map_or(usize::MAX, |most| usize::try_from(most.max(0)).unwrap_or(usize::MAX));
    let (mut out, mut from, mut count) = (Vec::new(), 0, 0);
    while count < most && from <= text.len() {
        let Some(found) = search(text, pattern, from, budget)? else { break };
        out.extend_from_slice(text.get(from..found.start).unwrap_or_default());
        out.extend(replacement(lua, text, &found, with)?);
        if out.len() > MAX_TEXT {
            return Err(mlua::Error::runtime("string.gsub: result is too long"));
        }
        count += 1;
        from = found.end;
        if found.end == found.start {
            out.extend(text.get(from));
            from += 1;
        }
        if pattern.first() == Some(&b'^') {
            break;
        }
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Ok((out, count))
}

fn replacement(lua: &Lua, text: &[u8], found: &Match, with: &Value) -> mlua::Result<Vec<u8>> {
    let whole = text.get(found.start..found.end).unwrap_or_default();
    let parts = whole_or_captures(lua, text, found)?;
    let value = match with {
        Value::String(template) => return fill(lua, &template.as_bytes(), whole, &parts),
        Value::Number(_) | Value::Integer(_) => return Ok(with.to_string()?.into_bytes()),
        Value::Table(table) => table.get::<Value>(parts.into_iter().next().unwrap_or(Value::Nil))?,
        Value::Function(function) => function.call::<Value>(parts.into_iter().collect::<MultiValue>())?,
        _ => return Err(mlua::Error::runtime("bad argument #3 to 'gsub' (string/function/table expected)")),
    };
    match value {
        Value::Nil | Value::Boolean(false) => Ok(whole.to_vec()),
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Number(_) | Value::Integer(_) => Ok(value.to_string()?.into_bytes()),
        other => Err(mlua::Error::runtime(format!("invalid replacement value (a {})", other.type_name()))),
    }
}

/// Fills `%0` to `%9` in.
fn fill(lua: &Lua, template: &[u8], whole: &[u8], parts: &[Value]) -> mlua::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(template.len());
    let mut rest = template.iter();
    while let Some(&c) = rest.next() {
        match (c, if c == b'%' { rest.next() } else { None }) {
            (b'%', Some(b'0')) => out.extend_from_slice(whole),
            (b'%', Some(digit @ b'1'..=b'9')) => {
                let part = parts.get(usize::from(digit - b'1'));
                let part = part.ok_or_else(|| mlua::Error::runtime("invalid capture index in replacement string"))?;
                let text = lua.coerce_string(part.clone())?;
                out.extend(text.map(|text| text.as_bytes().to_vec()).unwrap_or_default());
            }
            (b'%', Some(b'%')) => out.push(b'%'),
            (b'%', _) => return Err(mlua::Error::runtime("invalid use of '%' in replacement string")),
            (c, _) => out.push(c),
        }
    }
    Ok(out)
}
