//! Sprig v3.3's functions, as Helm exposes them, by the topics of Sprig's own files.
//!
//! Behaviour, quirks included, is that of the Go code; where Go's result depends on map order, here it is sorted.
//! Functions Helm replaces (`fail`, `toJson`, `fromJson`, …) are here with Sprig's behaviour: the engine's table goes
//! first. `env` and `expandenv` do not exist, as in Helm.

mod args;
mod case;
mod cast;
mod certs;
mod crypto;
mod date;
mod decimal;
mod defaults;
mod dict;
pub mod duration;
mod encoding;
mod go_layout;
mod go_regex;
mod go_time;
mod go_time_parse;
mod go_url;
mod json;
mod keys;
mod list;
mod merge;
mod network;
mod numeric;
mod paths;
mod primes;
mod reflect;
mod regexes;
pub mod semver;
mod strings;
mod text;
mod url;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::value::{FuncError, Function, Str, Value};

use args::{Args, Outcome, count, function};
pub use go_time::NamedInt;

static FAIL: &[Function] = &[function!("fail", fail, (&Str))];

static TABLES: &[&[Function]] = &[
    FAIL,
    certs::FUNCTIONS,
    crypto::FUNCTIONS,
    date::FUNCTIONS,
    defaults::FUNCTIONS,
    dict::FUNCTIONS,
    json::FUNCTIONS,
    keys::FUNCTIONS,
    list::FUNCTIONS,
    network::FUNCTIONS,
    numeric::FUNCTIONS,
    paths::FUNCTIONS,
    reflect::FUNCTIONS,
    regexes::FUNCTIONS,
    semver::FUNCTIONS,
    strings::FUNCTIONS,
    url::FUNCTIONS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| all().map(|function| (function.name, function)).collect());

/// The function of that name.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

/// Every function, grouped by topic.
pub fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.iter().copied().flatten()
}

fn fail(text: &Str) -> Result<Value, FuncError> {
    Err(FuncError::Message(text.to_string()))
}
