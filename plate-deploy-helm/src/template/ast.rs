//! The parsed form of a template text, and Go's way of printing it back in error messages.
//!
//! A [`Parsed`] text knows nothing of the file it came from, so one parse serves every chart, render and thread that has
//! the same text. Nodes carry a number by which errors find position and printed form again.

use std::fmt::Write as _;
use std::sync::Arc;

use super::function::Callable;
use super::number::Number;
use crate::value::quote::quote;

/// Identifies a node inside its [`Parsed`] text.
pub(super) type NodeId = u32;

/// A parsed template text.
#[derive(Debug)]
pub struct Parsed {
    /// The text itself.
    pub(super) text: Arc<[u8]>,
    /// What the text prints, without its definitions.
    pub(super) body: Definition,
    /// The `define` and `block` templates in it, in order.
    pub(super) definitions: Vec<Arc<Definition>>,
    /// Names of variables by number.
    pub(super) variables: Vec<Box<str>>,
}

/// One named template.
#[derive(Debug)]
pub(super) struct Definition {
    /// Its name; empty for the text's own body.
    pub(super) name: Box<str>,
    /// What it prints.
    pub(super) body: List,
}

impl Definition {
    /// Whether it holds nothing but space and comments: such a definition replaces no other.
    pub(super) fn is_empty(&self) -> bool {
        self.body.iter().all(|node| matches!(node, Node::Text(text) if text.iter().all(u8::is_ascii_whitespace)))
    }
}

/// A sequence of nodes.
pub(super) type List = Vec<Node>;

/// A piece of output or an action.
#[derive(Debug)]
pub(super) enum Node {
    Text(Box<[u8]>),
    Action { id: NodeId, pos: u32, pipe: Pipe },
    Branch(Box<Branch>),
    Template(Box<Invocation>),
    Break,
    Continue,
}

/// `if`, `with` and `range`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) id: NodeId,
    pub(super) pos: u32,
    pub(super) kind: BranchKind,
    pub(super) pipe: Pipe,
    pub(super) body: List,
    pub(super) otherwise: Option<List>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BranchKind {
    If,
    With,
    Range,
}

/// `{{ template "name" pipeline }}`.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: NodeId,
    pub(super) pos: u32,
    pub(super) name: Box<str>,
    pub(super) pipe: Option<Pipe>,
}

/// Commands joined by `|`, with the variables that take the result.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) id: NodeId,
    pub(super) pos: u32,
    /// `=` instead of `:=`.
    pub(super) assign: bool,
    /// Numbers of the variables.
    pub(super) decl: Vec<u32>,
    pub(super) cmds: Vec<Command>,
}

/// A function, field or constant with its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) id: NodeId,
    pub(super) pos: u32,
    /// Never empty.
    pub(super) args: Vec<Expr>,
}

/// An operand.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) id: NodeId,
    pub(super) pos: u32,
    pub(super) kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    Str { quoted: Box<str>, value: Box<[u8]> },
    Field(Box<[Box<str>]>),
    Variable { variable: u32, fields: Box<[Box<str>]> },
    Chain { base: Box<Expr>, fields: Box<[Box<str>]> },
    Function(&'static Callable),
    Pipe(Box<Pipe>),
}

/// Where a node is and how Go prints it.
pub(super) struct Found {
    pub(super) pos: u32,
    pub(super) text: String,
}

impl Parsed {
    /// Whether it defines named templates.
    #[must_use]
    pub fn has_definitions(&self) -> bool {
        !self.definitions.is_empty()
    }

    /// The byte offset and printed form of a node of one of the definitions.
    pub(super) fn find(&self, body: &List, id: NodeId) -> Option<Found> {
        Finder { variables: &self.variables, id }.list(body)
    }

    /// Go's line (from 1) and column (bytes, from 0) of a byte offset.
    pub(super) fn line_and_column(&self, pos: u32) -> (usize, usize) {
        let pos = usize::try_from(pos).unwrap_or(usize::MAX).min(self.text.len());
        let head = self.text.get(..pos).unwrap_or_default();
        let line = 1 + head.iter().filter(|byte| **byte == b'\n').count();
        let start = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        (line, pos - start)
    }

    /// The text of a line, from 1, without its newline.
    pub(super) fn line(&self, number: usize) -> Option<String> {
        let line = self.text.split(|byte| *byte == b'\n').nth(number.checked_sub(1)?)?;
        Some(String::from_utf8_lossy(line).into_owned())
    }
}

struct Finder<'a> {
    variables: &'a [Box<str>],
    id: NodeId,
}

impl Finder<'_> {
    fn list(&self, list: &List) -> Option<Found> {
        list.iter().find_map(|node| self.node(node))
    }

    fn node(&self, node: &Node) -> Option<Found> {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => None,
            Node::Action { id, pos, pipe } => {
                if *id == self.id {
                    return Some(Found { pos: *pos, text: format!("{{{{{}}}}}", self.print(|p| p.pipe(pipe))) });
                }
                self.pipe(pipe)
            }
            Node::Branch(branch) => {
                if branch.id == self.id {
                    return Some(Found { pos: branch.pos, text: self.print(|p| p.branch(branch)) });
                }
                self.pipe(&branch.pipe)
                    .or_else(|| self.list(&branch.body))
                    .or_else(|| branch.otherwise.as_ref().and_then(|list| self.list(list)))
            }
            Node::Template(call) => {
                if call.id == self.id {
                    return Some(Found { pos: call.pos, text: self.print(|p| p.invocation(call)) });
                }
                call.pipe.as_ref().and_then(|pipe| self.pipe(pipe))
            }
        }
    }

    fn print(&self, write: impl FnOnce(&mut Printer<'_>)) -> String {
        let mut printer = Printer { variables: self.variables, out: String::new() };
        write(&mut printer);
        printer.out
    }

    fn pipe(&self, pipe: &Pipe) -> Option<Found> {
        if pipe.id == self.id {
            return Some(Found { pos: pipe.pos, text: self.print(|p| p.pipe(pipe)) });
        }
        pipe.cmds.iter().find_map(|command| {
            if command.id == self.id {
                return Some(Found { pos: command.pos, text: self.print(|p| p.command(command)) });
            }
            command.args.iter().find_map(|arg| self.expr(arg))
        })
    }

    fn expr(&self, expr: &Expr) -> Option<Found> {
        if expr.id == self.id {
            return Some(Found { pos: expr.pos, text: self.print(|p| p.expr(expr)) });
        }
        match &expr.kind {
            ExprKind::Chain { base, .. } => self.expr(base),
            ExprKind::Pipe(pipe) => self.pipe(pipe),
            _ => None,
        }
    }
}

/// Prints nodes as Go's `parse.Node.String` does.
struct Printer<'a> {
    variables: &'a [Box<str>],
    out: String,
}

impl Printer<'_> {
    fn variable(&mut self, number: u32) {
        let name = usize::try_from(number).ok().and_then(|index| self.variables.get(index));
        self.out.push_str(name.map_or("$", |name| name));
    }

    fn list(&mut self, list: &List) {
        for node in list {
            match node {
                Node::Text(text) => self.out.push_str(&String::from_utf8_lossy(text)),
                Node::Action { pipe, .. } => {
                    self.out.push_str("{{");
                    self.pipe(pipe);
                    self.out.push_str("}}");
                }
                Node::Branch(branch) => self.branch(branch),
                Node::Template(call) => self.invocation(call),
                Node::Break => self.out.push_str("{{break}}"),
                Node::Continue => self.out.push_str("{{continue}}"),
            }
        }
    }

    fn branch(&mut self, branch: &Branch) {
        self.out.push_str(match branch.kind {
            BranchKind::If => "{{if ",
            BranchKind::With => "{{with ",
            BranchKind::Range => "{{range ",
        });
        self.pipe(&branch.pipe);
        self.out.push_str("}}");
        self.list(&branch.body);
        if let Some(otherwise) = &branch.otherwise {
            self.out.push_str("{{else}}");
            self.list(otherwise);
        }
        self.out.push_str("{{end}}");
    }

    fn invocation(&mut self, call: &Invocation) {
        let _ = write!(self.out, "{{{{template {}", quote(call.name.as_bytes()));
        if let Some(pipe) = &call.pipe {
            self.out.push(' ');
            self.pipe(pipe);
        }
        self.out.push_str("}}");
    }

    fn pipe(&mut self, pipe: &Pipe) {
        for (index, variable) in pipe.decl.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.variable(*variable);
        }
        if !pipe.decl.is_empty() {
            self.out.push_str(if pipe.assign { " = " } else { " := " });
        }
        for (index, command) in pipe.cmds.iter().enumerate() {
            if index > 0 {
                self.out.push_str(" | ");
            }
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        for (index, arg) in command.args.iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            self.operand(arg);
        }
    }

    /// An operand inside a command or chain: pipelines get their parentheses back.
    fn operand(&mut self, expr: &Expr) {
        if let ExprKind::Pipe(pipe) = &expr.kind {
            self.out.push('(');
            self.pipe(pipe);
            self.out.push(')');
        } else {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Dot => self.out.push('.'),
            ExprKind::Nil => self.out.push_str("nil"),
            ExprKind::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            ExprKind::Number(number) => self.out.push_str(&number.text),
            ExprKind::Str { quoted, .. } => self.out.push_str(quoted),
            ExprKind::Function(function) => self.out.push_str(function.name),
            ExprKind::Pipe(pipe) => self.pipe(pipe),
            ExprKind::Field(fields) => self.fields(fields),
            ExprKind::Variable { variable, fields } => {
                self.variable(*variable);
                self.fields(fields);
            }
            ExprKind::Chain { base, fields } => {
                self.operand(base);
                self.fields(fields);
            }
        }
    }

    fn fields(&mut self, fields: &[Box<str>]) {
        for field in fields {
            self.out.push('.');
            self.out.push_str(field);
        }
    }
}

/// An expression's printed form, for errors that name one outside its own position.
pub(super) fn print_expr(parsed: &Parsed, expr: &Expr) -> String {
    let mut printer = Printer { variables: &parsed.variables, out: String::new() };
    printer.expr(expr);
    printer.out
}
