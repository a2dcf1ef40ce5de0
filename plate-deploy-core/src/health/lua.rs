//! Runs one Lua check in a sandbox: no files, no processes, no loading of code, bounded memory and instructions.
//!
//! The language is Lua 5.2 with the 5.1 names Argo CD's interpreter has (`unpack`, `table.getn`); numbers are doubles
//! in both. The limit on time is a limit on instructions, so that a check gives the same answer on every machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlua::{HookTriggers, Lua, LuaOptions, LuaSerdeExt, StdLib, Table, Value, VmState};

use super::overrides::HealthOverride;
use super::{Checked, HealthError, lua_string, status, unknown};
use crate::model::{HealthCode, Manifest};

/// Memory of one run.
const MEMORY: usize = 64 << 20;
/// Instructions of one run; about the second that Argo CD allows.
const INSTRUCTIONS: u64 = 50_000_000;
/// How often the instructions are counted.
const STRIDE: u32 = 10_000;
/// Globals of the base library that load code, print or steer the collector.
const REMOVED: &[&str] = &["dofile", "loadfile", "load", "loadstring", "collectgarbage", "print"];

/// Runs `check` on `object`; `None` when it returned nil.
pub(super) fn run(
    key: &str,
    check: &HealthOverride,
    object: &Manifest,
    now: Option<i64>,
) -> Result<Option<Checked>, HealthError> {
    let stopped = Arc::new(AtomicBool::new(false));
    let result = evaluate(check, object, now, &stopped);
    if stopped.load(Ordering::Relaxed) {
        return Err(HealthError::LuaLimit { key: key.into(), limit: "50 million instructions" });
    }
    let problem = |error: mlua::Error| match error {
        mlua::Error::MemoryError(_) => HealthError::LuaLimit { key: key.into(), limit: "64 MiB of memory" },
        error => HealthError::Lua { key: key.into(), problem: first_line(&error) },
    };
    match result.map_err(problem)? {
        Answer::None => Ok(None),
        Answer::Checked(checked) => Ok(Some(checked)),
        Answer::Other(found) => Err(HealthError::LuaOutput { key: key.into(), found }),
    }
}

enum Answer {
    None,
    Checked(Checked),
    Other(String),
}

fn evaluate(
    check: &HealthOverride,
    object: &Manifest,
    now: Option<i64>,
    stopped: &Arc<AtomicBool>,
) -> mlua::Result<Answer> {
    let lua = sandbox(check.use_open_libs, now)?;
    let options = mlua::serde::SerializeOptions::new()
        .serialize_none_to_null(false)
        .serialize_unit_to_null(false)
        .set_array_metatable(false);
    lua.globals().set("obj", lua.to_value_with(object.value(), options)?)?;
    limit(&lua, stopped)?;
    match lua.load(&check.script).set_name("health.lua").eval::<Value>()? {
        Value::Nil => Ok(Answer::None),
        Value::Table(table) => read_health(&table).map(Answer::Checked),
        other => Ok(Answer::Other(other.type_name().into())),
    }
}

fn read_health(table: &Table) -> mlua::Result<Checked> {
    let text = |field: &str| match table.get::<Value>(field)? {
        Value::Nil => Ok(None),
        Value::String(text) => Ok(Some(text.to_str()?.to_owned())),
        other => Err(mlua::Error::runtime(format!("{field} is a {}, expected a string", other.type_name()))),
    };
    let code = match text("status")?.as_deref() {
        Some("Healthy") => HealthCode::Healthy,
        Some("Suspended") => HealthCode::Suspended,
        Some("Progressing") => HealthCode::Progressing,
        Some("Missing") => HealthCode::Missing,
        Some("Degraded") => HealthCode::Degraded,
        Some("Unknown") => HealthCode::Unknown,
        _ => {
            return Ok(Checked { status: unknown("Lua returned an invalid health status"), deletion_message: None });
        }
    };
    let message = text("message")?.unwrap_or_default();
    let deletion_message = text("deletionMessage")?.filter(|m| !m.is_empty());
    Ok(Checked { status: status(code, message), deletion_message })
}

/// An interpreter with the libraries a check may use.
fn sandbox(open_libs: bool, now: Option<i64>) -> mlua::Result<Lua> {
    let libraries = if open_libs { StdLib::TABLE | StdLib::STRING | StdLib::MATH } else { StdLib::TABLE };
    let lua = Lua::new_with(libraries, LuaOptions::default())?;
    lua.set_memory_limit(MEMORY)?;
    let globals = lua.globals();
    for name in REMOVED {
        globals.set(*name, Value::Nil)?;
    }
    let table: Table = globals.get("table")?;
    globals.set("unpack", table.get::<Value>("unpack")?)?;
    table.set("getn", lua.create_function(|_, list: Table| list.raw_len().try_into().map_or(Ok(i64::MAX), Ok))?)?;
    let os = safe_os(&lua, now)?;
    globals.set("os", &os)?;
    if open_libs {
        let string: Table = globals.get("string")?;
        lua_string::install(&lua, &string)?;
    }
    let loaded = lua.create_table()?;
    for name in ["os", "table", "string", "math"] {
        loaded.set(name, globals.get::<Value>(name)?)?;
    }
    let require = lua.create_function(move |_, name: String| match loaded.get::<Value>(name.as_str())? {
        Value::Nil => Err(mlua::Error::runtime(format!("module '{name}' not found"))),
        module => Ok(module),
    })?;
    globals.set("require", require)?;
    Ok(lua)
}

/// `os.time` and `os.date`, on the clock that was given.
fn safe_os(lua: &Lua, now: Option<i64>) -> mlua::Result<Table> {
    let clock = move || now.ok_or_else(|| mlua::Error::runtime("os.time is not supported: no clock was given"));
    let os = lua.create_table()?;
    let time = move |_: &Lua, fields: Option<Table>| match fields {
        None => clock(),
        Some(fields) => time_of(&fields),
    };
    os.set("time", lua.create_function(time)?)?;
    let date = move |lua: &Lua, (format, at): (Option<String>, Option<i64>)| {
        let at = at.map_or_else(clock, Ok)?;
        let time = jiff::Timestamp::from_second(at).map_err(mlua::Error::external)?.to_zoned(jiff::tz::TimeZone::UTC);
        let format = format.unwrap_or_else(|| "%c".into());
        let format = format.strip_prefix('!').unwrap_or(&format);
        if !format.starts_with("*t") {
            let text = jiff::fmt::strtime::format(format, &time).map_err(mlua::Error::external)?;
            return lua.create_string(text).map(Value::String);
        }
        let fields = lua.create_table()?;
        fields.set("year", time.year())?;
        fields.set("month", time.month())?;
        fields.set("day", time.day())?;
        fields.set("hour", time.hour())?;
        fields.set("min", time.minute())?;
        fields.set("sec", time.second())?;
        Ok(Value::Table(fields))
    };
    os.set("date", lua.create_function(date)?)?;
    Ok(os)
}

/// `os.time{…}`, in UTC; an absent hour is noon, as in Lua.
fn time_of(fields: &Table) -> mlua::Result<i64> {
    let field = |name: &str| fields.get::<Option<i64>>(name);
    let small = |n: i64| i8::try_from(n).unwrap_or(-1);
    let (year, month, day) = (field("year")?, field("month")?, field("day")?);
    let (Some(year), Some(month), Some(day)) = (year, month, day) else {
        return Err(mlua::Error::runtime("os.time needs the fields year, month and day"));
    };
    let date = jiff::civil::Date::new(i16::try_from(year).unwrap_or(i16::MIN), small(month), small(day));
    let midnight = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC)).map_err(mlua::Error::external)?;
    let seconds = field("hour")?
        .unwrap_or(12)
        .saturating_mul(3600)
        .saturating_add(field("min")?.unwrap_or(0).saturating_mul(60))
        .saturating_add(field("sec")?.unwrap_or(0));
    Ok(midnight.timestamp().as_second().saturating_add(seconds))
}

/// Stops the script after [`INSTRUCTIONS`]. A script can catch the first error (`pcall`), so from then on every single
/// instruction raises it again.
fn limit(lua: &Lua, stopped: &Arc<AtomicBool>) -> mlua::Result<()> {
    let used = AtomicU64::new(0);
    let flag = Arc::clone(stopped);
    let too_long = || mlua::Error::runtime("too many instructions");
    lua.set_hook(HookTriggers::new().every_nth_instruction(STRIDE), move |lua, _| {
        if used.fetch_add(u64::from(STRIDE), Ordering::Relaxed) < INSTRUCTIONS {
            return Ok(VmState::Continue);
        }
        flag.store(true, Ordering::Relaxed);
        lua.set_hook(HookTriggers::new().every_nth_instruction(1), move |_, _| Err(too_long()))?;
        Err(too_long())
    })
}

/// The error without Lua's stack, which Argo CD cuts off too.
fn first_line(error: &mlua::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}
