//! Runs templates: output, control flow and variables. [`super::eval`] has the expressions.
//!
//! As in Go, the state remembers the last node it was at, which is what error messages name.

use std::rc::Rc;
use std::time::Instant;

use super::ast::{Branch, BranchKind, Invocation, List, Node, NodeId, Pipe};
use super::error::{Error, Kind, Location};
use super::set::{Entry, Scope};
use super::track::Tracker;
use super::val::{Val, element_of, item_of};
use crate::value::quote::quote;
use crate::value::{Env, FuncError, Map, Str, Value, print};

/// Stack that must be left before going one level deeper, and how much to add when it is not.
const STACK_LEFT: usize = 256 << 10;
const STACK_MORE: usize = 16 << 20;
/// Steps between two looks at the clock.
const CLOCK_EVERY: u64 = 4096;

/// What a render may use up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Nodes run and commands evaluated.
    pub steps: u64,
    /// Templates running inside one another, by `template`, `include` and `tpl` together.
    pub depth: usize,
    /// Bytes that one template may print, and all `include` and `tpl` results together.
    pub output: usize,
    /// When to give up.
    pub deadline: Option<Instant>,
}

impl Default for Limits {
    /// Far above any chart: a billion steps, 10 000 templates deep, 1 GiB of output, no deadline.
    fn default() -> Self {
        Self { steps: 1_000_000_000, depth: 10_000, output: 1 << 30, deadline: None }
    }
}

/// What exec asks its owner.
pub trait Host {
    /// Runs a function registered with [`super::Callable::host`].
    ///
    /// # Errors
    /// What goes after `error calling NAME: `.
    fn call(&self, exec: &mut Exec<'_>, number: u16, args: &[Value]) -> Result<Value, Error>;

    /// Calls a Go method of a named map type (`.Values.YAML`); `None` when the type has no such method.
    fn map_method(&self, map: &Map, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>>;
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

/// A running template.
pub struct Exec<'h> {
    pub(super) out: Vec<u8>,
    /// Variables of all running templates; those of the current one start at `base`.
    pub(super) vars: Vec<(u32, Val)>,
    pub(super) base: usize,
    /// Arguments being collected for calls.
    pub(super) args: Vec<Value>,
    pub(super) node: NodeId,
    pub(super) entry: Option<Rc<Entry>>,
    pub(super) scope: Rc<Scope>,
    pub(super) host: &'h dyn Host,
    pub(super) env: &'h dyn Env,
    /// `missingkey=error` instead of `missingkey=zero`.
    pub(super) strict: bool,
    pub(super) limits: Limits,
    pub(super) steps: u64,
    depth: usize,
    captured: usize,
    pub(super) tracker: Option<Tracker>,
}

impl<'h> Exec<'h> {
    /// A state without output; [`Exec::render`] runs templates in it one after the other.
    #[must_use]
    pub fn new(scope: Rc<Scope>, host: &'h dyn Host, env: &'h dyn Env, strict: bool, limits: Limits) -> Self {
        Self {
            out: Vec::new(),
            vars: Vec::new(),
            base: 0,
            args: Vec::new(),
            node: 0,
            entry: None,
            scope,
            host,
            env,
            strict,
            limits,
            steps: 0,
            depth: 0,
            captured: 0,
            tracker: None,
        }
    }

    /// Notes which map keys templates read, from now on.
    pub fn track(&mut self) {
        self.tracker = Some(Tracker::default());
    }

    /// What was read since [`Exec::track`].
    #[must_use]
    pub fn tracker(&self) -> Option<&Tracker> {
        self.tracker.as_ref()
    }

    /// The named templates in reach.
    #[must_use]
    pub fn scope(&self) -> &Rc<Scope> {
        &self.scope
    }

    /// What impure functions use.
    #[must_use]
    pub fn env(&self) -> &'h dyn Env {
        self.env
    }

    /// Runs a template and gives what it prints, as a Go string.
    ///
    /// # Errors
    /// The template's error, or a reached limit.
    pub fn render(&mut self, entry: &Rc<Entry>, data: Value) -> Result<Str, Error> {
        let start = self.out.len();
        let result = self.capture(entry, data);
        let out = self.out.get(start..).map(Str::from).unwrap_or_default();
        self.out.truncate(start);
        result.map(|()| out)
    }

    /// Runs a template and gives what it prints.
    ///
    /// # Errors
    /// As [`Exec::render`].
    pub fn render_bytes(&mut self, entry: &Rc<Entry>, data: Value) -> Result<Vec<u8>, Error> {
        let outer = std::mem::take(&mut self.out);
        let result = self.capture(entry, data);
        let out = std::mem::replace(&mut self.out, outer);
        result.map(|()| out)
    }

    /// Runs a template from within another one, leaving the state as it was but for the output.
    fn capture(&mut self, entry: &Rc<Entry>, data: Value) -> Result<(), Error> {
        let start = self.out.len();
        let outer = (self.node, self.args.len(), self.vars.len());
        let result = self.invoke(entry, Val::plain(data));
        if result.is_err() {
            self.args.truncate(outer.1);
            self.vars.truncate(outer.2);
        }
        self.node = outer.0;
        result?;
        self.captured = self.captured.saturating_add(self.out.len() - start);
        if self.captured > self.limits.output {
            return Err(self.output_limit());
        }
        Ok(())
    }

    /// As [`Exec::render`], with another set of named templates in reach meanwhile.
    ///
    /// # Errors
    /// As [`Exec::render`].
    pub fn render_in(&mut self, scope: Rc<Scope>, entry: &Rc<Entry>, data: Value) -> Result<Str, Error> {
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = self.render(entry, data);
        self.scope = outer;
        result
    }

    /// Runs a template with its own variables, printing where the current one prints.
    fn invoke(&mut self, entry: &Rc<Entry>, dot: Val) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            return Err(Error::limit(format!("exceeded maximum template depth ({})", self.limits.depth)));
        }
        self.depth += 1;
        let outer_entry = self.entry.replace(Rc::clone(entry));
        let outer_base = std::mem::replace(&mut self.base, self.vars.len());
        self.vars.push((0, dot.clone()));
        let result = self.list(&dot, entry.body());
        self.vars.truncate(self.base);
        self.base = outer_base;
        self.entry = outer_entry;
        self.depth -= 1;
        result.map(|_| ())
    }

    // Errors and limits.

    /// An error at the current node.
    pub(super) fn fail(&self, message: impl AsRef<str>) -> Error {
        self.fail_with(message.as_ref(), None)
    }

    /// An error at the current node that wraps another.
    pub(super) fn fail_with(&self, message: &str, cause: Option<Error>) -> Error {
        if cause.as_ref().is_some_and(|cause| cause.kind() == Kind::Limit) {
            return cause.unwrap_or_else(|| Error::limit(message));
        }
        let Some(entry) = &self.entry else { return Error::new(Kind::Exec, message.to_owned(), None, cause) };
        let location = self.locate(entry);
        let prefix = format!(
            "template: {}:{}:{}: executing {} at <{}>: {message}",
            location.file,
            location.line,
            location.column,
            quote(location.template.as_bytes()),
            location.node
        );
        Error::new(Kind::Exec, prefix, Some(location), cause)
    }

    fn locate(&self, entry: &Entry) -> Location {
        let parsed = &entry.parsed;
        let found = parsed.find(entry.body(), self.node);
        let (line, column) = found.as_ref().map_or((1, 0), |found| parsed.line_and_column(found.pos));
        Location {
            file: entry.file.to_string(),
            line,
            column,
            template: entry.name.to_string(),
            node: found.map_or_else(String::new, |found| found.text),
            excerpt: parsed.line(line).unwrap_or_default(),
        }
    }

    /// A function's failure, as Go words it.
    pub(super) fn func_error(&self, name: &str, error: FuncError) -> Error {
        match error {
            FuncError::Message(text) => self.fail_with(&format!("error calling {name}: "), Some(Error::plain(text))),
            FuncError::ArgCount { want, got } => {
                self.fail(format!("wrong number of args for {name}: want {want} got {got}"))
            }
            FuncError::Limit(text) => Error::limit(text),
            wrong @ FuncError::WrongType { .. } => self.fail(wrong.to_string()),
        }
    }

    fn output_limit(&self) -> Error {
        Error::limit(format!("the output is larger than the limit of {} bytes", self.limits.output))
    }

    /// Charges one step.
    pub(super) fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Err(Error::limit(format!("the render took more than {} steps", self.limits.steps)));
        }
        if self.steps.is_multiple_of(CLOCK_EVERY)
            && self.limits.deadline.is_some_and(|deadline| Instant::now() > deadline)
        {
            return Err(Error::limit("the render took longer than its time limit"));
        }
        Ok(())
    }

    // Nodes.

    pub(super) fn list(&mut self, dot: &Val, list: &List) -> Result<Flow, Error> {
        if stacker::remaining_stack().is_none_or(|left| left > STACK_LEFT) {
            return self.nodes(dot, list);
        }
        stacker::grow(STACK_MORE, || self.nodes(dot, list))
    }

    fn nodes(&mut self, dot: &Val, list: &List) -> Result<Flow, Error> {
        for node in list {
            self.step()?;
            let flow = match node {
                Node::Text(text) => {
                    self.write(text)?;
                    Flow::Next
                }
                Node::Action { pipe, .. } => {
                    let value = self.pipe(dot, pipe)?;
                    if pipe.decl.is_empty() {
                        self.print(&value)?;
                    }
                    Flow::Next
                }
                Node::Branch(branch) => self.branch(dot, branch)?,
                Node::Template(call) => {
                    self.template(dot, call)?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.extend_from_slice(bytes);
        if self.out.len() > self.limits.output {
            return Err(self.output_limit());
        }
        Ok(())
    }

    fn print(&mut self, val: &Val) -> Result<(), Error> {
        match &val.value {
            Value::Str(text) => self.out.extend_from_slice(text.as_bytes()),
            Value::Nil => self.out.extend_from_slice(b"<no value>"),
            Value::Object(object) => self.out.extend_from_slice(object.print_addressed().as_bytes()),
            other => {
                self.note_whole(other);
                stacker::maybe_grow(STACK_LEFT, STACK_MORE, || print::append(&mut self.out, other));
            }
        }
        self.write(b"")
    }

    fn branch(&mut self, dot: &Val, branch: &Branch) -> Result<Flow, Error> {
        let mark = self.vars.len();
        let flow = match branch.kind {
            BranchKind::Range => self.range(dot, branch),
            kind => {
                let value = self.pipe(dot, &branch.pipe)?;
                if value.value.truth() {
                    let dot = if kind == BranchKind::With { &value } else { dot };
                    self.list(dot, &branch.body)
                } else {
                    self.otherwise(dot, branch)
                }
            }
        };
        self.vars.truncate(mark);
        flow
    }

    fn otherwise(&mut self, dot: &Val, branch: &Branch) -> Result<Flow, Error> {
        branch.otherwise.as_ref().map_or(Ok(Flow::Next), |list| self.list(dot, list))
    }

    fn range(&mut self, dot: &Val, branch: &Branch) -> Result<Flow, Error> {
        self.node = branch.id;
        let value = self.pipe(dot, &branch.pipe)?.value;
        self.note_whole(&value);
        let mark = self.vars.len();
        let mut ran = false;
        match value {
            Value::Nil => {}
            Value::Int(..) | Value::Uint(_) => {
                if branch.pipe.decl.len() > 1 {
                    let shown = print::to_string(&value);
                    return Err(self.fail(format!("can't use {shown} to iterate over more than one variable")));
                }
                ran = self.range_int(branch, &value, mark)?;
            }
            Value::List(list) => {
                ran = !list.is_empty();
                for (index, item) in list.items().iter().enumerate() {
                    let item = item_of(list.kind(), item.clone());
                    let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                    if self.iteration(branch, index, item, mark)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => ran = self.range_map(branch, &map, mark)?,
            Value::Object(object) => match (object.as_map(), object.as_list()) {
                (Some(map), _) => ran = self.range_map(branch, &map, mark)?,
                (None, Some(list)) => {
                    ran = !list.is_empty();
                    for (index, item) in list.items().iter().enumerate() {
                        let index = Value::int(i64::try_from(index).unwrap_or(i64::MAX));
                        let item = item_of(list.kind(), item.clone());
                        if self.iteration(branch, index, item, mark)? == Flow::Break {
                            break;
                        }
                    }
                }
                (None, None) => return Err(self.fail(format!("range can't iterate over {}", object.print()))),
            },
            other => {
                return Err(self.fail(format!("range can't iterate over {}", print::to_string(&other))));
            }
        }
        if ran { Ok(Flow::Next) } else { self.otherwise(dot, branch) }
    }

    fn range_int(&mut self, branch: &Branch, count: &Value, mark: usize) -> Result<bool, Error> {
        let (count, kind) = match count {
            Value::Int(n, kind) => (*n, Some(*kind)),
            Value::Uint(n) => (i64::try_from(*n).unwrap_or(i64::MAX), None),
            _ => (0, None),
        };
        for n in 0..count.max(0) {
            let item = match kind {
                Some(kind) => Value::Int(n, kind),
                None => Value::Uint(n.unsigned_abs()),
            };
            if self.iteration(branch, Value::Nil, Val::plain(item), mark)? == Flow::Break {
                break;
            }
        }
        Ok(count > 0)
    }

    /// The keys and values are those at the start: the body may change the map.
    fn range_map(&mut self, branch: &Branch, map: &Map, mark: usize) -> Result<bool, Error> {
        let entries = map.snapshot();
        let ran = !entries.is_empty();
        for (key, value) in entries {
            let value = element_of(map.kind(), value);
            if self.iteration(branch, Value::Str(key), value, mark)? == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    fn iteration(&mut self, branch: &Branch, index: Value, item: Val, mark: usize) -> Result<Flow, Error> {
        self.step()?;
        let Pipe { decl, assign, .. } = &branch.pipe;
        match (decl.as_slice(), assign) {
            ([], _) => {}
            ([one], true) => self.set_var(*one, item.clone())?,
            ([first, second, ..], true) => {
                self.set_var(*first, Val::plain(index))?;
                self.set_var(*second, item.clone())?;
            }
            ([_], false) => self.set_top(1, item.clone()),
            (_, false) => {
                self.set_top(1, item.clone());
                self.set_top(2, Val::plain(index));
            }
        }
        let flow = self.list(&item, &branch.body)?;
        self.vars.truncate(mark);
        Ok(flow)
    }

    fn template(&mut self, dot: &Val, call: &Invocation) -> Result<(), Error> {
        self.node = call.id;
        let Some(entry) = self.scope.get(&call.name) else {
            return Err(self.fail(format!("template {} not defined", quote(call.name.as_bytes()))));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Val::default(),
        };
        self.invoke(&entry, dot)
    }

    // Variables.

    pub(super) fn var(&self, variable: u32) -> Option<&Val> {
        let vars = self.vars.get(self.base..)?;
        vars.iter().rev().find(|(name, _)| *name == variable).map(|(_, value)| value)
    }

    pub(super) fn set_var(&mut self, variable: u32, value: Val) -> Result<(), Error> {
        let base = self.base;
        let slot = self.vars.get_mut(base..).and_then(|vars| vars.iter_mut().rev().find(|(name, _)| *name == variable));
        match slot {
            Some(slot) => {
                slot.1 = value;
                Ok(())
            }
            None => Err(self.undefined(variable)),
        }
    }

    pub(super) fn undefined(&self, variable: u32) -> Error {
        let index = usize::try_from(variable).unwrap_or(usize::MAX);
        let name = self.entry.as_ref().and_then(|entry| entry.parsed.variables.get(index).cloned());
        self.fail(format!("undefined variable: {}", name.unwrap_or_default()))
    }

    /// Overwrites the nth variable from the top.
    fn set_top(&mut self, nth: usize, value: Val) {
        if let Some(slot) = self.vars.len().checked_sub(nth).and_then(|at| self.vars.get_mut(at)) {
            slot.1 = value;
        }
    }

    pub(super) fn note_whole(&mut self, value: &Value) {
        if let Some(tracker) = &mut self.tracker {
            tracker.whole(value);
        }
    }
}
