//! What a template can call: a function with its Go signature.

use crate::value::{Env, FuncError, Value};

/// The Go type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    /// `reflect.Value`: as [`Type::Any`], for the built-in functions.
    Reflect,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `int`.
    Int,
    /// `uint32`.
    Uint32,
    /// `float64`.
    Float,
    /// `map[string]interface {}`.
    Map,
    /// `[]interface {}`.
    List,
    /// A named Go type that only one kind of object has, such as `time.Time`.
    Named(&'static str),
}

impl Type {
    /// Go's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int => "int",
            Self::Uint32 => "uint32",
            Self::Float => "float64",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Named(name) => name,
        }
    }

    /// Whether an untyped nil can be passed.
    pub(super) fn accepts_nil(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::Map | Self::List)
    }
}

/// A function's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Types of the parameters; the last one repeats when [`Signature::variadic`].
    pub params: Vec<Type>,
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    /// Whether the Go function returns `interface {}`, which shows in error messages only.
    pub returns_any: bool,
}

impl Signature {
    /// Parameters of the given types.
    #[must_use]
    pub fn fixed(params: &[Type]) -> Self {
        Self { params: params.to_vec(), variadic: false, returns_any: false }
    }

    /// Parameters of the given types, the last one repeated any number of times.
    #[must_use]
    pub fn variadic(params: &[Type]) -> Self {
        Self { params: params.to_vec(), variadic: true, returns_any: false }
    }

    /// The type of the argument at an index.
    pub(super) fn type_at(&self, index: usize) -> Type {
        self.params.get(index).or(self.params.last()).copied().unwrap_or(Type::Any)
    }

    /// Go's complaint about a wrong number of arguments, if it has one. `given` leaves out a piped value, as Go does
    /// in one of its two messages.
    pub(super) fn check_count(&self, name: &str, given: usize, piped: bool) -> Result<(), String> {
        let count = given + usize::from(piped);
        if self.variadic {
            let least = self.params.len().saturating_sub(1);
            if count < least {
                return Err(format!("wrong number of args for {name}: want at least {least} got {given}"));
            }
        } else if count != self.params.len() {
            return Err(format!("wrong number of args for {name}: want {} got {count}", self.params.len()));
        }
        Ok(())
    }
}

/// One of text/template's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    And,
    Or,
    Call,
    Html,
    Index,
    Js,
    Len,
    Not,
    Print,
    Printf,
    Println,
    Slice,
    UrlQuery,
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
    Ne,
}

/// A pure function over values.
pub type NativeFn = fn(&dyn Env, &[Value]) -> Result<Value, FuncError>;

/// What runs when a function is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// One of text/template's own functions.
    Builtin(Builtin),
    /// A pure function.
    Native(NativeFn),
    /// A function of the engine, which may run templates: [`super::Host::call`] gets the number.
    Host(u16),
}

/// A function that templates can call by name.
#[derive(Debug)]
pub struct Callable {
    /// Its name in templates.
    pub(super) name: &'static str,
    pub(super) signature: Signature,
    pub(super) body: Body,
}

impl Callable {
    /// A pure function.
    #[must_use]
    pub fn native(name: &'static str, signature: Signature, function: NativeFn) -> Self {
        Self { name, signature, body: Body::Native(function) }
    }

    /// A function that the host runs.
    #[must_use]
    pub fn host(name: &'static str, signature: Signature, number: u16) -> Self {
        Self { name, signature, body: Body::Host(number) }
    }

    /// Its name in templates.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// The functions a template text may name. Looked up while parsing, never while running.
pub trait Functions {
    /// The function of that name, if there is one. Text/template's own functions need not be in it.
    fn get(&self, name: &str) -> Option<&'static Callable>;
}
