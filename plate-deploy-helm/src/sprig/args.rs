//! Typed arguments and results for template functions.
//!
//! Every Sprig function is one small typed `fn`; the [`function!`] macro wraps it into a [`Function`], converting each
//! argument as Go's reflection would: an argument of another Go type is a [`FuncError::WrongType`], never a guess.

use crate::value::kind::type_name;
use crate::value::{FuncError, IntKind, List, Map, MapKind, Str, Value};

/// A Go parameter type.
pub(super) trait FromArg<'a>: Sized {
    /// Converts one argument.
    fn from_arg(value: &'a Value) -> Result<Self, FuncError>;
}

fn wrong(expected: &'static str, value: &Value) -> FuncError {
    // A nil that reaches a typed parameter is the empty interface a map look-up gave.
    let got = if value.is_nil() { "interface {}".to_owned() } else { type_name(value).into_owned() };
    FuncError::WrongType { expected, got }
}

impl<'a> FromArg<'a> for &'a Value {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        Ok(value)
    }
}

impl<'a> FromArg<'a> for &'a Str {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        value.as_str().ok_or_else(|| wrong("string", value))
    }
}

/// Go `int`; an `int64` is another type.
impl FromArg<'_> for i64 {
    fn from_arg(value: &Value) -> Result<Self, FuncError> {
        match value {
            Value::Int(n, IntKind::Int) => Ok(*n),
            _ => Err(wrong("int", value)),
        }
    }
}

impl FromArg<'_> for f64 {
    fn from_arg(value: &Value) -> Result<Self, FuncError> {
        match value {
            Value::Float(n) => Ok(*n),
            _ => Err(wrong("float64", value)),
        }
    }
}

impl FromArg<'_> for bool {
    fn from_arg(value: &Value) -> Result<Self, FuncError> {
        match value {
            Value::Bool(b) => Ok(*b),
            _ => Err(wrong("bool", value)),
        }
    }
}

/// Go `map[string]interface {}`; Helm's named `Values` type is assignable to it, and loses its name. Exec lets a nil
/// pass only where Go makes a nil map of it.
impl FromArg<'_> for Map {
    fn from_arg(value: &Value) -> Result<Self, FuncError> {
        match value {
            Value::Nil => Ok(Self::nil(MapKind::Any)),
            Value::Map(map) if map.kind() == MapKind::Any => Ok(map.clone()),
            Value::Map(map) if map.kind() == MapKind::Values => Ok(map.alias_as(MapKind::Any)),
            _ => Err(wrong("map[string]interface {}", value)),
        }
    }
}

/// Go `[]interface {}`.
impl<'a> FromArg<'a> for &'a List {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        match value {
            Value::List(list) if list.kind() == crate::value::ListKind::Any => Ok(list),
            _ => Err(wrong("[]interface {}", value)),
        }
    }
}

/// The arguments of one call, taken from left to right.
pub(super) struct Args<'a> {
    rest: &'a [Value],
}

impl<'a> Args<'a> {
    /// All arguments of a call.
    pub(super) fn new(args: &'a [Value]) -> Self {
        Self { rest: args }
    }

    /// The next argument. Exec checked the count already; a missing one is an error all the same.
    pub(super) fn next<T: FromArg<'a>>(&mut self) -> Result<T, FuncError> {
        let (first, rest) =
            self.rest.split_first().ok_or_else(|| FuncError::ArgCount { want: "more".to_owned(), got: 0 })?;
        self.rest = rest;
        T::from_arg(first)
    }

    /// Every argument that is left.
    pub(super) fn rest<T: FromArg<'a>>(&mut self) -> Result<Vec<T>, FuncError> {
        std::mem::take(&mut self.rest).iter().map(T::from_arg).collect()
    }
}

/// A Go `int64` result.
pub(super) struct Int64(pub(super) i64);

/// What a function may return: its Go result type, with or without an error.
pub(super) trait Outcome {
    /// The result as a template value.
    fn outcome(self) -> Result<Value, FuncError>;
}

macro_rules! outcomes {
    ($($ty:ty, |$v:ident| $make:expr;)*) => {
        $(impl Outcome for $ty {
            fn outcome(self) -> Result<Value, FuncError> {
                let $v = self;
                Ok($make)
            }
        })*
    };
}

outcomes! {
    Value, |v| v;
    bool, |v| Value::Bool(v);
    i64, |v| Value::int(v);
    Int64, |v| Value::int64(v.0);
    f64, |v| Value::Float(v);
    String, |v| Value::str(v);
    Vec<u8>, |v| Value::str(v);
    Str, |v| Value::Str(v);
    Map, |v| Value::Map(v);
}

impl<T: Outcome> Outcome for Result<T, FuncError> {
    fn outcome(self) -> Result<Value, FuncError> {
        self?.outcome()
    }
}

/// Counts the parameters of a [`function!`].
macro_rules! count {
    () => { 0 };
    ($head:ty $(, $tail:ty)*) => { 1 + count!($($tail),*) };
}

/// One table entry: `function!("name", path, (types…))`, `(types…; rest type)` for a variadic function, and `env path`
/// for one that needs the [`crate::value::Env`] as its first parameter.
macro_rules! function {
    ($name:literal, env $f:expr, ($($ty:ty),*)) => {
        $crate::value::Function {
            name: $name,
            arity: (count!($($ty),*), Some(count!($($ty),*))),
            call: |env, args| {
                #[allow(unused_mut, unused_variables)]
                let mut args = Args::new(args);
                ($f)(env, $(args.next::<$ty>()?),*).outcome()
            },
        }
    };
    ($name:literal, env $f:expr, ($($ty:ty),*; $rest:ty)) => {
        $crate::value::Function {
            name: $name,
            arity: (count!($($ty),*), None),
            call: |env, args| {
                let mut args = Args::new(args);
                ($f)(env, $(args.next::<$ty>()?,)* args.rest::<$rest>()?).outcome()
            },
        }
    };
    ($name:literal, $f:expr, ($($ty:ty),*)) => {
        $crate::value::Function {
            name: $name,
            arity: (count!($($ty),*), Some(count!($($ty),*))),
            call: |_env, args| {
                #[allow(unused_mut, unused_variables)]
                let mut args = Args::new(args);
                ($f)($(args.next::<$ty>()?),*).outcome()
            },
        }
    };
    ($name:literal, $f:expr, ($($ty:ty),*; $rest:ty)) => {
        $crate::value::Function {
            name: $name,
            arity: (count!($($ty),*), None),
            call: |_env, args| {
                let mut args = Args::new(args);
                ($f)($(args.next::<$ty>()?,)* args.rest::<$rest>()?).outcome()
            },
        }
    };
}

pub(super) use {count, function};
