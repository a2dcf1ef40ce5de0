//! Pipelines, commands and operands: what stands inside an action.

use super::{Parse, Parser, field_name, joined, offset};
use crate::template::ast::{Command, Expr, ExprKind, Pipe};
use crate::template::builtins;
use crate::template::lexer::{Keyword, Kind, Token};
use crate::template::number::Number;
use crate::value::quote::{quote, unquote};

impl<'a> Parser<'a, '_> {
    pub(super) fn variable(&mut self, name: &str) -> u32 {
        if name == "$" {
            return 0;
        }
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = offset(self.variables.len());
        self.variables.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let pos = offset(self.peek_non_space().pos);
        let id = self.id();
        let mut pipe = Pipe { id, pos, assign: false, decl: Vec::new(), cmds: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Keyword(Keyword::Nil)
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.cmds.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    /// A variable with `:=`, `=` or a comma after it; true when another one must follow.
    pub(super) fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parse<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        let after = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && *next.val == *b",";
        if comma || matches!(next.kind, Kind::Assign | Kind::Declare) {
            self.next_non_space();
            let number = self.variable(&variable.text());
            pipe.decl.push(number);
            self.level.scope.push(number);
            if !comma {
                pipe.assign = next.kind == Kind::Assign;
                return Ok(false);
            }
            if context == "range" && pipe.decl.len() < 2 {
                return match self.peek_non_space().kind {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => self.error("range can only initialize variables"),
                };
            }
            return self.error(format!("too many declarations in {context}"));
        }
        if after.kind == Kind::Space {
            self.backup_three(variable, after);
        } else {
            self.backup_two(variable);
        }
        Ok(false)
    }

    pub(super) fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parse<()> {
        if pipe.cmds.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        let constant = |command: &Command| {
            command.args.first().is_some_and(|arg| {
                matches!(
                    arg.kind,
                    ExprKind::Bool(_) | ExprKind::Dot | ExprKind::Nil | ExprKind::Number(_) | ExprKind::Str { .. }
                )
            })
        };
        match pipe.cmds.iter().skip(1).position(constant) {
            Some(stage) => self.error(format!("non executable command in pipeline stage {}", stage + 2)),
            None => Ok(()),
        }
    }

    pub(super) fn command(&mut self) -> Parse<Command> {
        let pos = offset(self.peek_non_space().pos);
        let id = self.id();
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { id, pos, args })
    }

    /// A term with the fields that follow it.
    pub(super) fn operand(&mut self) -> Parse<Option<Expr>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields: Vec<Box<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(&self.next()));
        }
        let pos = offset(first.pos);
        term = match term.kind {
            ExprKind::Field(head) => Expr { kind: ExprKind::Field(joined(&head, fields)), pos, ..term },
            ExprKind::Variable { variable, fields: head } => {
                Expr { kind: ExprKind::Variable { variable, fields: joined(&head, fields) }, pos, ..term }
            }
            ExprKind::Function(_) | ExprKind::Pipe(_) | ExprKind::Chain { .. } => {
                let id = self.id();
                Expr { id, pos, kind: ExprKind::Chain { base: Box::new(term), fields: fields.into() } }
            }
            ref constant => {
                let shown = match constant {
                    ExprKind::Dot => ".".to_owned(),
                    ExprKind::Nil => "nil".to_owned(),
                    ExprKind::Bool(value) => value.to_string(),
                    ExprKind::Number(number) => number.text.to_string(),
                    ExprKind::Str { quoted, .. } => quoted.to_string(),
                    _ => String::new(),
                };
                return self.error(format!("unexpected . after term {}", quote(shown.as_bytes())));
            }
        };
        Ok(Some(term))
    }

    pub(super) fn term(&mut self) -> Parse<Option<Expr>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            Kind::Identifier => self.function(&token)?,
            Kind::Dot => ExprKind::Dot,
            Kind::Keyword(Keyword::Nil) => ExprKind::Nil,
            Kind::Variable => self.use_variable(&token)?,
            Kind::Field => ExprKind::Field(Box::new([field_name(&token)])),
            Kind::Bool => ExprKind::Bool(*token.val == *b"true"),
            Kind::CharConstant => self.number(Number::parse_char(&token.text()))?,
            Kind::Complex => {
                let shown = quote(&token.val);
                return self.error(format!("complex constants are not supported: {shown}"));
            }
            Kind::Number => self.number(Number::parse(&token.text()))?,
            Kind::LeftParen => {
                self.enter()?;
                let pipe = stacker::maybe_grow(64 << 10, 1 << 20, || {
                    self.pipeline("parenthesized pipeline", Kind::RightParen)
                })?;
                self.nesting -= 1;
                return Ok(Some(Expr { id: pipe.id, pos: pipe.pos, kind: ExprKind::Pipe(Box::new(pipe)) }));
            }
            Kind::String | Kind::RawString => match unquote(&token.text()) {
                Some(value) => ExprKind::Str { quoted: token.text().into(), value: value.into() },
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        let id = self.id();
        Ok(Some(Expr { id, pos: offset(token.pos), kind }))
    }

    pub(super) fn number(&self, number: Result<Number, String>) -> Parse<ExprKind> {
        match number {
            Ok(number) => Ok(ExprKind::Number(Box::new(number))),
            Err(message) => self.error(message),
        }
    }

    pub(super) fn function(&self, token: &Token<'a>) -> Parse<ExprKind> {
        let name = token.text();
        match self.functions.get(&name).or_else(|| builtins::get(&name)) {
            Some(function) => Ok(ExprKind::Function(function)),
            None => self.error(format!("function {} not defined", quote(name.as_bytes()))),
        }
    }

    pub(super) fn use_variable(&mut self, token: &Token<'a>) -> Parse<ExprKind> {
        let name = token.text();
        let variable = self.variable(&name);
        if variable != 0 && !self.level.scope.contains(&variable) {
            return self.error(format!("undefined variable {}", quote(name.as_bytes())));
        }
        Ok(ExprKind::Variable { variable, fields: Box::default() })
    }
}
