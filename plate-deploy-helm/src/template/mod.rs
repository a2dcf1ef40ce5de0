//! Go's `text/template` (of Go 1.26) over [`crate::value`].
//!
//! [`parse`] makes a [`Parsed`] text, which threads share; [`Exec`] runs it on one thread. Functions are resolved while
//! parsing. What Helm adds (`include`, `tpl` and so on) comes from outside: as [`Functions`] and as the [`Host`] that
//! runs those that need the running state.

mod ast;
mod builtins;
mod error;
mod eval;
mod exec;
mod function;
mod lexer;
mod number;
mod parser;
mod search;
mod set;
mod track;
mod val;

pub use ast::Parsed;
pub use error::{Error, Kind as ErrorKind, Location, ParseError};
pub use exec::{Exec, Host, Limits};
pub use function::{Callable, Functions, NativeFn, Signature, Type};
pub use parser::parse;
pub(crate) use search::find;
pub use set::{Entry, Scope};
pub use track::Tracker;
