//! Evaluates pipelines, commands, fields and calls, in the order and with the errors of Go's `text/template`.

use super::ast::{Command, Expr, ExprKind, NodeId, Pipe, print_expr};
use super::builtins;
use super::error::Error;
use super::exec::Exec;
use super::function::{Body, Builtin, Callable, Type};
use super::number::Number;
use super::val::{Val, element_of, zero_of};
use crate::value::kind::type_name;
use crate::value::quote::quote;
use crate::value::{FuncError, IntKind, List, ListKind, Map, MapKind, Object, Str, Value};

const STACK_LEFT: usize = 256 << 10;
const STACK_MORE: usize = 16 << 20;
/// What a function may need: writing and reading YAML and JSON goes 1000 levels deep.
const NATIVE_STACK: usize = 4 << 20;

type Eval = Result<Val, Error>;

/// The arguments after a command's first word, and what the pipeline hands over.
#[derive(Clone, Copy)]
struct Args<'a> {
    exprs: &'a [Expr],
    piped: Option<&'a Val>,
}

impl Args<'_> {
    const NONE: Args<'static> = Args { exprs: &[], piped: None };

    fn is_empty(&self) -> bool {
        self.exprs.is_empty() && self.piped.is_none()
    }
}

impl Exec<'_> {
    /// A pipeline's value; declares or assigns its variables.
    pub(super) fn pipe(&mut self, dot: &Val, pipe: &Pipe) -> Eval {
        self.node = pipe.id;
        let mut value: Option<Val> = None;
        for command in &pipe.cmds {
            value = Some(self.command(dot, command, value.as_ref())?.unboxed());
        }
        let value = value.unwrap_or_default();
        for variable in &pipe.decl {
            if pipe.assign {
                self.set_var(*variable, value.clone())?;
            } else {
                self.vars.push((*variable, value.clone()));
            }
        }
        Ok(value)
    }

    fn nested_pipe(&mut self, dot: &Val, pipe: &Pipe) -> Eval {
        if stacker::remaining_stack().is_none_or(|left| left > STACK_LEFT) {
            return self.pipe(dot, pipe);
        }
        stacker::grow(STACK_MORE, || self.pipe(dot, pipe))
    }

    fn command(&mut self, dot: &Val, command: &Command, piped: Option<&Val>) -> Eval {
        self.step()?;
        let Some((first, rest)) = command.args.split_first() else { return Ok(Val::default()) };
        let args = Args { exprs: rest, piped };
        match &first.kind {
            ExprKind::Field(fields) => self.field_expr(dot, first.id, fields, args),
            ExprKind::Chain { base, fields } => self.chain(dot, first, base, fields, args),
            ExprKind::Function(function) => self.function(dot, function, first.id, command.id, args),
            ExprKind::Pipe(pipe) => {
                self.not_a_function(first, args)?;
                self.nested_pipe(dot, pipe)
            }
            ExprKind::Variable { variable, fields } => self.variable_expr(dot, first, *variable, fields, args),
            constant => {
                self.node = first.id;
                self.not_a_function(first, args)?;
                match constant {
                    ExprKind::Dot => Ok(dot.clone()),
                    ExprKind::Nil => Err(self.fail("nil is not a command")),
                    ExprKind::Bool(value) => Ok(Val::plain(Value::Bool(*value))),
                    ExprKind::Number(number) => self.ideal(number).map(Val::plain),
                    ExprKind::Str { value, .. } => Ok(Val::plain(Value::Str(Str::from(&**value)))),
                    _ => Ok(Val::default()),
                }
            }
        }
    }

    fn shown(&self, expr: &Expr) -> String {
        self.entry.as_ref().map(|entry| print_expr(&entry.parsed, expr)).unwrap_or_default()
    }

    fn not_a_function(&self, first: &Expr, args: Args<'_>) -> Result<(), Error> {
        if args.is_empty() {
            return Ok(());
        }
        Err(self.fail(format!("can't give argument to non-function {}", self.shown(first))))
    }

    /// A number where the context asks for no type.
    fn ideal(&self, number: &Number) -> Result<Value, Error> {
        match (number.float, number.int) {
            (Some(float), _) if number.is_float_syntax => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::int(int)),
            _ => Err(self.fail(format!("{} overflows int", number.text))),
        }
    }

    // Fields.

    fn field_expr(&mut self, dot: &Val, id: NodeId, fields: &[Box<str>], args: Args<'_>) -> Eval {
        self.node = id;
        self.fields(dot, dot, id, fields, args)
    }

    fn variable_expr(&mut self, dot: &Val, expr: &Expr, variable: u32, fields: &[Box<str>], args: Args<'_>) -> Eval {
        self.node = expr.id;
        let Some(value) = self.var(variable).cloned() else { return Err(self.undefined(variable)) };
        if fields.is_empty() {
            self.not_a_function(expr, args)?;
            return Ok(value);
        }
        self.fields(dot, &value, expr.id, fields, args)
    }

    fn chain(&mut self, dot: &Val, expr: &Expr, base: &Expr, fields: &[Box<str>], args: Args<'_>) -> Eval {
        self.node = expr.id;
        let value = match &base.kind {
            ExprKind::Nil => {
                let shown = self.shown(expr);
                return Err(self.fail(format!("indirection through explicit nil in {shown}")));
            }
            ExprKind::Pipe(pipe) => self.nested_pipe(dot, pipe)?,
            ExprKind::Function(function) => self.function(dot, function, base.id, base.id, Args::NONE)?,
            ExprKind::Chain { base: inner, fields } => self.chain(dot, base, inner, fields, Args::NONE)?,
            _ => Val::default(),
        };
        self.fields(dot, &value, expr.id, fields, args)
    }

    /// `.A.B.C`: only the last one may be a method with arguments.
    fn fields(&mut self, dot: &Val, receiver: &Val, id: NodeId, fields: &[Box<str>], args: Args<'_>) -> Eval {
        let Some((last, path)) = fields.split_last() else { return Ok(receiver.clone()) };
        let mut current: Option<Val> = None;
        for name in path {
            let next = self.field(dot, current.as_ref().unwrap_or(receiver), id, name, Args::NONE)?;
            current = Some(next);
        }
        self.field(dot, current.as_ref().unwrap_or(receiver), id, last, args)
    }

    fn field(&mut self, dot: &Val, receiver: &Val, id: NodeId, name: &str, args: Args<'_>) -> Eval {
        match &receiver.value {
            Value::Map(map) => self.map_field(dot, map, id, name, args),
            Value::Object(object) => self.object_field(dot, receiver, object.as_ref(), id, name, args),
            Value::Nil if receiver.boxed => Err(self.fail(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Nil if self.strict => {
                Err(self.fail(format!("nil data; no entry for key {}", quote(name.as_bytes()))))
            }
            Value::Nil => Ok(Val::default()),
            _ => Err(self.no_field(receiver, name)),
        }
    }

    fn no_field(&self, receiver: &Val, name: &str) -> Error {
        self.fail(format!("can't evaluate field {name} in type {}", receiver.type_name()))
    }

    fn map_field(&mut self, dot: &Val, map: &Map, id: NodeId, name: &str, args: Args<'_>) -> Eval {
        if map.kind() == MapKind::Values && is_values_method(name) {
            let values = self.method_args(dot, args)?;
            if let Some(result) = self.host.map_method(map, name, &values) {
                return self.method_result(id, name, result);
            }
        }
        if !args.is_empty() {
            return Err(self.fail(format!("{name} is not a method but has arguments")));
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.key(map, name);
        }
        match map.get(name) {
            Some(value) => Ok(element_of(map.kind(), value)),
            None if self.strict => Err(self.fail(format!("map has no entry for key {}", quote(name.as_bytes())))),
            None => Ok(zero_of(map.kind())),
        }
    }

    fn object_field(
        &mut self,
        dot: &Val,
        receiver: &Val,
        object: &dyn Object,
        id: NodeId,
        name: &str,
        args: Args<'_>,
    ) -> Eval {
        if args.is_empty()
            && let Some(value) = object.field(name)
        {
            return Ok(Val::plain(value));
        }
        let values = self.method_args(dot, args)?;
        if let Some(result) = object.call(name, &values) {
            return self.method_result(id, name, result);
        }
        if object.field(name).is_some() {
            return Err(self.fail(format!("{name} has arguments but cannot be invoked as function")));
        }
        match object.as_map() {
            Some(map) => self.map_field(dot, &map, id, name, args),
            None => Err(self.no_field(receiver, name)),
        }
    }

    /// A method's arguments. Methods check types themselves.
    fn method_args(&mut self, dot: &Val, args: Args<'_>) -> Result<Vec<Value>, Error> {
        let mut values = Vec::with_capacity(args.exprs.len() + 1);
        for expr in args.exprs {
            values.push(self.arg(dot, Type::Any, expr)?.value);
        }
        values.extend(args.piped.map(|piped| piped.value.clone()));
        Ok(values)
    }

    fn method_result(&mut self, id: NodeId, name: &str, result: Result<Value, FuncError>) -> Eval {
        result.map(Val::plain).map_err(|error| {
            self.node = id;
            self.func_error(name, error)
        })
    }

    // Calls.

    /// Calls a function. Count errors are at the name, errors of the function itself at the whole command.
    fn function(&mut self, dot: &Val, function: &Callable, name_id: NodeId, id: NodeId, args: Args<'_>) -> Eval {
        self.node = name_id;
        let signature = &function.signature;
        signature
            .check_count(function.name, args.exprs.len(), args.piped.is_some())
            .map_err(|message| self.fail(message))?;
        match function.body {
            Body::Builtin(builtin @ (Builtin::And | Builtin::Or)) => self.and_or(dot, builtin, args),
            Body::Builtin(builtin) => {
                let mut values = Vec::with_capacity(args.exprs.len() + 1);
                for (index, expr) in args.exprs.iter().enumerate() {
                    values.push(self.arg(dot, signature.type_at(index), expr)?);
                }
                if let Some(piped) = args.piped {
                    values.push(self.validate(piped.clone(), signature.type_at(values.len()))?);
                }
                self.note_builtin(builtin, &values);
                builtins::call(builtin, self.env, &values).map_err(|error| {
                    self.node = id;
                    self.func_error(function.name, self.call_error(builtin, args, error))
                })
            }
            Body::Native(native) => {
                let base = self.collect(dot, function, args)?;
                self.plain_lists(base);
                self.note_native(function.name, base);
                let (env, values) = (self.env, self.args.get(base..).unwrap_or_default());
                let result = stacker::maybe_grow(NATIVE_STACK, STACK_MORE, || native(env, values));
                self.args.truncate(base);
                let value = result.and_then(|value| self.charged(value)).map_err(|error| {
                    self.node = id;
                    self.func_error(function.name, error)
                })?;
                Ok(Val { value, boxed: signature.returns_any })
            }
            Body::Host(number) => {
                let base = self.collect(dot, function, args)?;
                let values: Vec<Value> = self.args.drain(base..).collect();
                let host = self.host;
                let value = host.call(self, number, &values).map_err(|cause| {
                    self.node = id;
                    self.fail_with(&format!("error calling {}: ", function.name), Some(cause))
                })?;
                Ok(Val { value, boxed: signature.returns_any })
            }
        }
    }

    /// Evaluates arguments onto the argument stack; gives where they start.
    fn collect(&mut self, dot: &Val, function: &Callable, args: Args<'_>) -> Result<usize, Error> {
        let signature = &function.signature;
        let base = self.args.len();
        for (index, expr) in args.exprs.iter().enumerate() {
            match self.arg(dot, signature.type_at(index), expr) {
                Ok(val) => self.args.push(val.value),
                Err(error) => {
                    self.args.truncate(base);
                    return Err(error);
                }
            }
        }
        if let Some(piped) = args.piped {
            match self.validate(piped.clone(), signature.type_at(args.exprs.len())) {
                Ok(val) => self.args.push(val.value),
                Err(error) => {
                    self.args.truncate(base);
                    return Err(error);
                }
            }
        }
        Ok(base)
    }

    /// Charges what a function made, so that doubling a string in a loop meets the budget.
    fn charged(&self, value: Value) -> Result<Value, FuncError> {
        let bytes = match &value {
            Value::Str(text) => text.len(),
            Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
            _ => 0,
        };
        self.env.charge(bytes as u64)?;
        Ok(value)
    }

    /// Objects that are slices underneath reach functions as slices.
    fn plain_lists(&mut self, base: usize) {
        for arg in self.args.get_mut(base..).unwrap_or_default() {
            let list = match &*arg {
                Value::Object(object) => object.as_list(),
                _ => None,
            };
            if let Some(list) = list {
                *arg = Value::List(list);
            }
        }
    }

    /// `and` and `or` stop at the first argument that decides.
    fn and_or(&mut self, dot: &Val, builtin: Builtin, args: Args<'_>) -> Eval {
        let mut last = Val::default();
        for expr in args.exprs {
            last = self.arg(dot, Type::Reflect, expr)?;
            if last.value.truth() == (builtin == Builtin::Or) {
                return Ok(last);
            }
        }
        Ok(args.piped.cloned().unwrap_or(last))
    }

    /// `call` names what it was asked to call.
    fn call_error(&self, builtin: Builtin, args: Args<'_>, error: FuncError) -> FuncError {
        match (builtin, error, args.exprs.first()) {
            (Builtin::Call, FuncError::Message(text), Some(callee)) => {
                FuncError::Message(text.replacen("non-function", &format!("non-function {}", self.shown(callee)), 1))
            }
            (_, error, _) => error,
        }
    }

    // Arguments.

    fn arg(&mut self, dot: &Val, wanted: Type, expr: &Expr) -> Eval {
        self.node = expr.id;
        let val = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil if wanted.accepts_nil() => Val::default(),
            ExprKind::Nil => return Err(self.fail(format!("cannot assign nil to {}", wanted.name()))),
            ExprKind::Field(fields) => self.field_expr(dot, expr.id, fields, Args::NONE)?,
            ExprKind::Variable { variable, fields } => self.variable_expr(dot, expr, *variable, fields, Args::NONE)?,
            ExprKind::Pipe(pipe) => self.nested_pipe(dot, pipe)?,
            ExprKind::Function(function) => self.function(dot, function, expr.id, expr.id, Args::NONE)?,
            ExprKind::Chain { base, fields } => self.chain(dot, expr, base, fields, Args::NONE)?,
            constant => return self.constant(wanted, expr, constant),
        };
        self.validate(val, wanted)
    }

    /// A literal, which takes the type that is wanted.
    fn constant(&mut self, wanted: Type, expr: &Expr, constant: &ExprKind) -> Eval {
        let found = |what: &str| self.fail(format!("expected {what}; found {}", self.shown(expr)));
        let value = match (wanted, constant) {
            (Type::Any | Type::Reflect, ExprKind::Number(number)) => self.ideal(number)?,
            (Type::Any | Type::Reflect | Type::Bool, ExprKind::Bool(value)) => Value::Bool(*value),
            (Type::Any | Type::Reflect | Type::String, ExprKind::Str { value, .. }) => Value::Str(Str::from(&**value)),
            (Type::Int, ExprKind::Number(number)) => Value::int(number.int.ok_or_else(|| found("integer"))?),
            (Type::Uint32, ExprKind::Number(number)) => {
                let fits = number.uint.filter(|n| u32::try_from(*n).is_ok()).and(number.int);
                Value::int(fits.ok_or_else(|| found("unsigned integer"))?)
            }
            (Type::Float, ExprKind::Number(number)) => Value::Float(number.float.ok_or_else(|| found("float"))?),
            (Type::Bool, _) => return Err(found("bool")),
            (Type::String, _) => return Err(found("string")),
            (Type::Int, _) => return Err(found("integer")),
            (Type::Uint32, _) => return Err(found("unsigned integer")),
            (Type::Float, _) => return Err(found("float")),
            (other, _) => {
                let shown = self.shown(expr);
                return Err(self.fail(format!("can't handle {shown} for arg of type {}", other.name())));
            }
        };
        Ok(Val::plain(value))
    }

    /// Go's assignability to a parameter's type; nil becomes an empty map or list where one is wanted.
    fn validate(&self, val: Val, wanted: Type) -> Eval {
        if matches!(wanted, Type::Any | Type::Reflect) {
            return Ok(val);
        }
        let fits = match (&val.value, wanted) {
            (Value::Nil, Type::Map) if !val.boxed => return Ok(Val::plain(Map::new().into())),
            (Value::Nil, Type::List) if !val.boxed => {
                return Ok(Val::plain(Value::List(List::default())));
            }
            (Value::Nil, _) if !val.boxed => {
                return Err(self.fail(format!("invalid value; expected {}", wanted.name())));
            }
            (Value::Str(_), Type::String)
            | (Value::Bool(_), Type::Bool)
            | (Value::Int(_, IntKind::Int), Type::Int)
            | (Value::Float(_), Type::Float) => true,
            (Value::Map(map), Type::Map) => match map.kind() {
                MapKind::Any => true,
                MapKind::Values => return Ok(Val::plain(map.alias_as(MapKind::Any).into())),
                MapKind::String | MapKind::Bytes => false,
            },
            (Value::List(list), Type::List) => list.kind() == ListKind::Any,
            (Value::Object(object), Type::Named(name)) => object.type_name() == name,
            _ => false,
        };
        if fits {
            return Ok(val);
        }
        let got = if val.value.is_nil() { "interface {}".into() } else { type_name(&val.value) };
        Err(self.fail(format!("wrong type for value; expected {}; got {got}", wanted.name())))
    }

    // Tracking.

    /// Which map keys a built-in read.
    fn note_builtin(&mut self, builtin: Builtin, values: &[Val]) {
        let Some(tracker) = &mut self.tracker else { return };
        match builtin {
            Builtin::Index => {
                let mut item = values.first().map(|val| val.value.clone()).unwrap_or_default();
                for index in values.iter().skip(1) {
                    let (Value::Map(map), Value::Str(key)) = (&item, &index.value) else { return };
                    tracker.key(map, &key.text());
                    let next = map.borrow().get(key).cloned().unwrap_or_default();
                    item = next;
                }
            }
            Builtin::Print | Builtin::Printf | Builtin::Println | Builtin::Html | Builtin::Js | Builtin::Len => {
                values.iter().for_each(|val| tracker.whole(&val.value));
            }
            _ => {}
        }
    }

    /// Which maps a function used: those that only pass values on are no use.
    fn note_native(&mut self, name: &str, base: usize) {
        let Some(tracker) = &mut self.tracker else { return };
        let args = self.args.get(base..).unwrap_or_default();
        match (name, args) {
            ("get" | "hasKey", [Value::Map(map), Value::Str(key), ..]) => tracker.key(map, &key.text()),
            ("dig", [path @ .., _, Value::Map(map)]) => {
                let mut map = map.clone();
                for key in path.iter().filter_map(Value::as_str) {
                    let key = key.text();
                    tracker.key(&map, &key);
                    let Some(Value::Map(next)) = map.get(&key) else { return };
                    map = next;
                }
            }
            (
                "dict" | "list" | "tuple" | "set" | "default" | "ternary" | "coalesce" | "append" | "prepend" | "empty"
                | "kindIs" | "kindOf" | "typeIs" | "typeOf" | "typeIsLike" | "all" | "any" | "concat",
                _,
            ) => {}
            _ => args.iter().for_each(|arg| tracker.whole(arg)),
        }
    }
}

/// The methods of Helm's `common.Values`; they come before keys of the same name.
fn is_values_method(name: &str) -> bool {
    matches!(name, "YAML" | "Table" | "AsMap" | "Encode" | "PathValue")
}
