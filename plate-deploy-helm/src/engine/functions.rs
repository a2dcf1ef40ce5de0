//! All functions that templates can name: Sprig's, Helm's codecs, and those that run templates.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::host::{FAIL, INCLUDE, LOOKUP, REQUIRED, TPL};
use super::{codecs, durations, signatures};
use crate::sprig;
use crate::template::{Callable, Functions, Signature, Type};
use crate::value::{Env, FuncError, Value};

static TABLE: LazyLock<HashMap<&'static str, Callable>> = LazyLock::new(build);

/// The functions of the engine.
pub(super) struct Table;

impl Functions for Table {
    fn get(&self, name: &str) -> Option<&'static Callable> {
        TABLE.get(name)
    }
}

fn build() -> HashMap<&'static str, Callable> {
    let mut signatures = signatures::all();
    let mut signature = |name: &str, arity| signatures.remove(name).unwrap_or_else(|| from_arity(arity));
    // Helm's codecs and durations come before Sprig's functions of the same name.
    let native = codecs::FUNCTIONS.iter().chain(durations::FUNCTIONS).chain(sprig::all());
    let mut table = HashMap::with_capacity(256);
    for function in native {
        table.entry(function.name).or_insert_with(|| {
            Callable::native(function.name, signature(function.name, function.arity), function.call)
        });
    }
    let hosted = [("include", INCLUDE), ("tpl", TPL), ("required", REQUIRED), ("fail", FAIL), ("lookup", LOOKUP)];
    for (name, number) in hosted {
        table.insert(name, Callable::host(name, signature(name, (0, None)), number));
    }
    // Without leave to ask the network, Helm answers with nothing.
    table.insert("getHostByName", Callable::native("getHostByName", Signature::fixed(&[Type::String]), no_host));
    table
}

fn no_host(_: &dyn Env, _: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(""))
}

/// A signature for a function that the table of Go signatures does not know.
fn from_arity((least, most): (usize, Option<usize>)) -> Signature {
    match most {
        Some(_) => Signature::fixed(&vec![Type::Any; least]),
        None => Signature::variadic(&vec![Type::Any; least + 1]),
    }
}
