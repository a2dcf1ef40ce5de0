//! Go's dynamic values, as `text/template`, Sprig and Helm see them.
//!
//! A render runs on one thread, so values share with [`Rc`] and maps are mutable through every alias: Sprig's `set`,
//! `unset`, `merge` and `mergeOverwrite` change the caller's map, and Helm charts depend on it. Everything that crosses
//! threads (charts, parsed templates, rendered output) is made of plain owned data instead.

pub mod compare;
mod convert;
mod drop;
pub mod float;
pub mod json;
pub mod kind;
mod list;
mod map;
mod plain;
pub mod print;
mod printer;
pub mod printf;
pub mod quote;
mod string;
pub mod toml;
pub mod yaml;

use std::any::Any;
use std::fmt;
use std::rc::Rc;

pub use list::{List, ListKind};
pub use map::{Map, MapKind};
pub use string::Str;

/// A value of Go's `interface{}`, reduced to what templates can tell apart.
#[derive(Clone, Default)]
pub enum Value {
    /// An untyped nil: a YAML `null`, a missing key, `<no value>` in output.
    #[default]
    Nil,
    /// Go `bool`.
    Bool(bool),
    /// A signed integer with its Go type (`int` from template literals and most Sprig functions, `int64` from `--set`
    /// and Sprig arithmetic).
    Int(i64, IntKind),
    /// Go `uint64` and narrower unsigned types (`uint8` when ranging over bytes).
    Uint(u64),
    /// Go `float64`: every number that came from a YAML or JSON file.
    Float(f64),
    /// Go `string`: bytes, usually UTF-8.
    Str(Str),
    /// A slice or array. Sprig never changes one in place, so the items are immutable; maps inside stay shared.
    List(List),
    /// A map, shared and mutable through every alias.
    Map(Map),
    /// A Go struct or other object with fields and methods: `.Files`, `.Capabilities`, a semver version, a time.
    Object(Rc<dyn Object>),
}

/// The Go type of a [`Value::Int`]; visible through `typeOf`, `printf "%T"` and argument type errors only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IntKind {
    /// `int`.
    #[default]
    Int,
    /// `int64`.
    Int64,
    /// `int32` (a rune constant such as `'a'`).
    Int32,
}

/// A Go struct (or pointer to one) that templates reach into.
pub trait Object: Any {
    /// Go's type name as `%T` prints it, e.g. `*engine.files` or `time.Time`.
    fn type_name(&self) -> &str;

    /// The field of that exact name, or `None` when the struct has no such field.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Calls the method of that exact name; `None` when there is no such method. The error text is what Go's method
    /// would return as its error.
    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        let _ = (name, args);
        None
    }

    /// Go's kind (`reflect.Kind`): `ptr` for a type name with a star, else `struct`, unless the type says otherwise.
    fn kind_name(&self) -> &'static str {
        if self.type_name().starts_with('*') { "ptr" } else { "struct" }
    }

    /// What Go's `fmt` prints for `%v`.
    fn print(&self) -> String;

    /// What `{{ .Path.To.It }}` prints: the same, except for a struct that Go can take the address of and whose pointer
    /// has a `String` method (`.Capabilities.KubeVersion`).
    fn print_addressed(&self) -> String {
        self.print()
    }

    /// The object as a map, for objects that are maps underneath (`.Files`), so that `range`, `len`, `toYaml` and
    /// `index` work on them.
    fn as_map(&self) -> Option<Map> {
        None
    }

    /// The object as a list, for objects that are slices underneath (`.Capabilities.APIVersions`).
    fn as_list(&self) -> Option<List> {
        None
    }

    /// The plain integer of a named integer type (`time.Duration`, `time.Month`).
    fn as_int(&self) -> Option<Value> {
        None
    }

    /// Go truth: false for nil pointers and empty maps; structs are always true.
    fn truth(&self) -> bool {
        true
    }

    /// The JSON form that `toJson` and `toYaml` give, when the Go type has one.
    fn to_json(&self) -> Option<Value> {
        None
    }

    /// For downcasting by the functions that made the object.
    fn as_any(&self) -> &dyn Any;
}

/// Why a function or method call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FuncError {
    /// The function's own error text: exec prints `error calling NAME: TEXT`.
    Message(String),
    /// An argument of the wrong Go type: exec prints `wrong type for value; expected EXPECTED; got GOT` (or the
    /// `wrong type for value; expected …` variant Go gives for nil).
    WrongType {
        /// Go's name of the parameter type.
        expected: &'static str,
        /// Go's name of the argument's type.
        got: String,
    },
    /// The wrong number of arguments: exec prints `wrong number of args for NAME: want WANT got GOT`.
    ArgCount {
        /// What Go prints after `want`: `2`, or `at least 1`.
        want: String,
        /// Arguments given.
        got: usize,
    },
    /// A limit (fuel, depth, bytes, time) was reached: the whole render stops.
    Limit(String),
}

impl FuncError {
    /// The function's own error text.
    pub fn msg(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) | Self::Limit(text) => f.write_str(text),
            Self::WrongType { expected, got } => write!(f, "wrong type for value; expected {expected}; got {got}"),
            Self::ArgCount { want, got } => write!(f, "wrong number of args: want {want} got {got}"),
        }
    }
}

impl std::error::Error for FuncError {}

/// What functions that are not pure may use. The engine makes one per render; a deterministic render fixes both.
pub trait Env {
    /// Seconds and nanoseconds since the Unix epoch, and the time zone name, of `now`.
    fn now(&self) -> jiff::Zoned;
    /// Fills the buffer with random bytes (seeded in a deterministic render).
    fn random(&self, buf: &mut [u8]);
    /// Charges work against the render's budget; an error stops the render. Call it before building anything whose
    /// size depends on an argument: `repeat`, `until`, `untilStep`, `indent`, `printf` widths.
    ///
    /// # Errors
    /// [`FuncError::Limit`] when the budget is used up.
    fn charge(&self, bytes: u64) -> Result<(), FuncError>;
}

/// A template function. `args` holds at least what [`Function::arity`] asks for: exec checks the count first.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name in templates.
    pub name: &'static str,
    /// Fewest arguments, and the most (`None`: variadic).
    pub arity: (usize, Option<usize>),
    /// The implementation. It checks its arguments' types itself, giving [`FuncError::WrongType`] as Go's reflection
    /// does for typed parameters.
    pub call: fn(&dyn Env, &[Value]) -> Result<Value, FuncError>,
}
