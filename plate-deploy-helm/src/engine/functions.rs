//! All functions that templates can name: Sprig's, Helm's codecs, and those that run templates.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::host::{FAIL, INCLUDE, LOOKUP, REQUIRED, TPL};
use super::signatures::signature;
use super::{codecs, durations};
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
    let mut table = HashMap::new();
    for function in sprig::all() {
        let signature = signature(function.name).unwrap_or_else(|| from_arity(function.arity));
        table.insert(function.name, Callable::native(function.name, signature, function.call));
    }
    for function in codecs::FUNCTIONS.iter().chain(durations::FUNCTIONS) {
        let signature = signature(function.name).unwrap_or_else(|| from_arity(function.arity));
        table.insert(function.name, Callable::native(function.name, signature, function.call));
    }
    // Without leave to ask the network, Helm answers with nothing.
    table.insert("getHostByName", Callable::native("getHostByName", Signature::fixed(&[Type::String]), no_host));
    let hosted = [("include", INCLUDE), ("tpl", TPL), ("required", REQUIRED), ("fail", FAIL), ("lookup", LOOKUP)];
    for (name, number) in hosted {
        let signature = signature(name).unwrap_or_else(|| from_arity((0, None)));
        table.insert(name, Callable::host(name, signature, number));
    }
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
