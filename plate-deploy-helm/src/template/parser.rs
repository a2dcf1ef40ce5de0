//! Parses template text, resolving functions on the way, with Go's rules and error texts.
//!
//! Go keeps look-ahead tokens and variables per template (a `define` starts afresh), which shows in the line numbers of
//! its errors; [`Level`] holds that part.

mod pipelines;

use std::collections::HashMap;
use std::sync::Arc;

use super::ast::{Branch, BranchKind, Definition, Invocation, List, Node, NodeId, Parsed};
use super::error::ParseError;
use super::function::Functions;
use super::lexer::{Keyword, Kind, Lexer, Token};
use crate::value::quote::{quote, unquote};

/// How deep blocks and parentheses may nest, counted together. Go allows 10 000 parentheses; no chart comes near.
const MAX_NESTING: usize = 1000;

type Parse<T> = Result<T, ParseError>;

/// Parses a text.
///
/// # Errors
/// Go's parse error, which names the file only when shown (see [`ParseError::message`]).
pub fn parse(text: Arc<[u8]>, functions: &dyn Functions) -> Result<Parsed, ParseError> {
    let bytes = Arc::clone(&text);
    let mut parser = Parser {
        lexer: Lexer::new(&bytes),
        level: Level::default(),
        functions,
        variables: vec!["$".into()],
        numbers: HashMap::new(),
        definitions: Vec::new(),
        next_id: 0,
        nesting: 0,
    };
    let body = parser.document()?;
    let Parser { variables, definitions, .. } = parser;
    Ok(Parsed { text, body: Definition { name: "".into(), body }, definitions, variables })
}

/// What Go keeps per template being parsed.
#[derive(Default)]
struct Level<'a> {
    /// Look-ahead: the newest token first.
    tokens: [Option<Token<'a>>; 3],
    peeked: usize,
    /// Numbers of the variables in scope, besides `$`.
    scope: Vec<u32>,
    /// Where the action being parsed starts.
    action: Option<usize>,
    ranges: usize,
}

struct Parser<'a, 'f> {
    lexer: Lexer<'a>,
    level: Level<'a>,
    functions: &'f dyn Functions,
    variables: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    definitions: Vec<Arc<Definition>>,
    next_id: NodeId,
    nesting: usize,
}

/// What ended a list of nodes.
enum End {
    End,
    Else,
}

impl End {
    fn describe(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A node, or what ends the list it would be in.
enum Item {
    Node(Node),
    End(End),
}

fn offset(pos: usize) -> u32 {
    u32::try_from(pos).unwrap_or(u32::MAX)
}

impl<'a> Parser<'a, '_> {
    // Tokens.

    fn next(&mut self) -> Token<'a> {
        if self.level.peeked > 0 {
            self.level.peeked -= 1;
        } else {
            self.level.tokens[0] = Some(self.lexer.next_token());
        }
        self.current(self.level.peeked)
    }

    fn current(&self, index: usize) -> Token<'a> {
        let eof = Token { kind: Kind::Eof, pos: 0, val: b"EOF"[..].into() };
        self.level.tokens.get(index).cloned().flatten().unwrap_or(eof)
    }

    fn backup(&mut self) {
        self.level.peeked += 1;
    }

    /// Pushes back a token before the newest one.
    fn backup_two(&mut self, first: Token<'a>) {
        self.level.tokens[1] = Some(first);
        self.level.peeked = 2;
    }

    fn backup_three(&mut self, first: Token<'a>, second: Token<'a>) {
        self.level.tokens[1] = Some(second);
        self.level.tokens[2] = Some(first);
        self.level.peeked = 3;
    }

    fn peek(&mut self) -> Token<'a> {
        if self.level.peeked == 0 {
            self.level.peeked = 1;
            self.level.tokens[0] = Some(self.lexer.next_token());
        }
        self.current(self.level.peeked - 1)
    }

    fn next_non_space(&mut self) -> Token<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token<'a> {
        let token = self.next_non_space();
        self.backup();
        token
    }

    // Errors.

    fn error<T>(&self, message: impl Into<String>) -> Parse<T> {
        let newest = self.level.tokens[0].as_ref().map_or(0, |token| token.pos);
        Err(ParseError { line: self.lexer.line_of(newest), message: message.into(), action_line: None })
    }

    fn unexpected<T>(&self, token: &Token<'a>, context: &str) -> Parse<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.describe()));
        }
        let mut failure = self.error::<T>(token.describe());
        if let Err(error) = &mut failure {
            let line = self.lexer.line_of(token.pos);
            error.action_line = self.level.action.map(|pos| self.lexer.line_of(pos)).filter(|action| *action != line);
        }
        failure
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Token<'a>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn enter(&mut self) -> Parse<()> {
        if self.nesting >= MAX_NESTING {
            return self.error("max expression depth exceeded");
        }
        self.nesting += 1;
        Ok(())
    }

    fn id(&mut self) -> NodeId {
        self.next_id = self.next_id.saturating_add(1);
        self.next_id
    }

    // Templates.

    fn document(&mut self) -> Parse<List> {
        let mut body = Vec::new();
        loop {
            match self.peek().kind {
                Kind::Eof => return Ok(body),
                Kind::LeftDelim => {
                    let delim = self.next();
                    if self.next_non_space().kind == Kind::Keyword(Keyword::Define) {
                        self.definition()?;
                        continue;
                    }
                    self.backup_two(delim);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Item::Node(node) => body.push(node),
                Item::End(end) => return self.error(format!("unexpected {}", end.describe())),
            }
        }
    }

    fn definition(&mut self) -> Parse<()> {
        const CONTEXT: &str = "define clause";
        let outer = std::mem::take(&mut self.level);
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (body, end) = self.list()?;
        if !matches!(end, End::End) {
            return self.error(format!("unexpected {} in {CONTEXT}", end.describe()));
        }
        self.define(name, body)?;
        self.level = outer;
        Ok(())
    }

    /// Registers a definition: an empty one gives way to another of its name, two full ones are an error.
    fn define(&mut self, name: Box<str>, body: List) -> Parse<()> {
        let new = Definition { name, body };
        let old = self.definitions.iter().position(|old| old.name == new.name);
        match old {
            None => self.definitions.push(Arc::new(new)),
            Some(at) if self.definitions[at].is_empty() => self.definitions[at] = Arc::new(new),
            Some(_) if new.is_empty() => {}
            Some(_) => {
                let shown = quote(new.name.as_bytes());
                return self.error(format!("template: multiple definition of template {shown}"));
            }
        }
        Ok(())
    }

    fn template_name(&mut self, token: &Token<'a>, context: &str) -> Parse<Box<str>> {
        match token.kind {
            Kind::String | Kind::RawString => match unquote(&token.text()) {
                Some(name) => Ok(String::from_utf8_lossy(&name).into()),
                None => self.error("invalid syntax"),
            },
            _ => self.unexpected(token, context),
        }
    }

    fn list(&mut self) -> Parse<(List, End)> {
        self.enter()?;
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match stacker::maybe_grow(64 << 10, 1 << 20, || self.text_or_action())? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => {
                    self.nesting -= 1;
                    return Ok((nodes, end));
                }
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.val.into_owned().into()))),
            Kind::LeftDelim => {
                self.level.action = Some(token.pos);
                let item = self.action()?;
                self.level.action = None;
                Ok(item)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        if let Kind::Keyword(keyword) = token.kind {
            match keyword {
                Keyword::Block => return self.block().map(Item::Node),
                Keyword::Break => return self.jump("break", Node::Break).map(Item::Node),
                Keyword::Continue => return self.jump("continue", Node::Continue).map(Item::Node),
                Keyword::Else => return self.otherwise().map(Item::End),
                Keyword::End => {
                    self.expect(Kind::RightDelim, "end")?;
                    return Ok(Item::End(End::End));
                }
                Keyword::If => return self.branch(BranchKind::If).map(Item::Node),
                Keyword::Range => return self.branch(BranchKind::Range).map(Item::Node),
                Keyword::With => return self.branch(BranchKind::With).map(Item::Node),
                Keyword::Template => return self.invocation().map(Item::Node),
                Keyword::Define | Keyword::Nil => {}
            }
        }
        self.backup();
        let pos = offset(self.peek().pos);
        let id = self.id();
        let pipe = self.pipeline("command", Kind::RightDelim)?;
        Ok(Item::Node(Node::Action { id, pos, pipe }))
    }

    fn jump(&mut self, word: &str, node: Node) -> Parse<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, &format!("{{{{{word}}}}}"));
        }
        if self.level.ranges == 0 {
            return self.error(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    /// `{{else`: with `if` or `with` next, the rest of the action is left for them.
    fn otherwise(&mut self) -> Parse<End> {
        let next = self.peek_non_space();
        if matches!(next.kind, Kind::Keyword(Keyword::If | Keyword::With)) {
            return Ok(End::Else);
        }
        self.expect(Kind::RightDelim, "else")?;
        Ok(End::Else)
    }

    fn branch(&mut self, kind: BranchKind) -> Parse<Node> {
        let context = match kind {
            BranchKind::If => "if",
            BranchKind::With => "with",
            BranchKind::Range => "range",
        };
        let id = self.id();
        let scope = self.level.scope.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(kind == BranchKind::Range);
        self.level.ranges += in_range;
        let (body, end) = self.list()?;
        self.level.ranges -= in_range;
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.else_list(kind)?),
        };
        self.level.scope.truncate(scope);
        let pos = pipe.pos;
        Ok(Node::Branch(Box::new(Branch { id, pos, kind, pipe, body, otherwise })))
    }

    /// After `{{else`: `else if` inside `if` and `else with` inside `with` are a branch of their own that shares `end`.
    fn else_list(&mut self, kind: BranchKind) -> Parse<List> {
        let next = self.peek().kind;
        let chained = match kind {
            BranchKind::If => next == Kind::Keyword(Keyword::If),
            BranchKind::With => next == Kind::Keyword(Keyword::With),
            BranchKind::Range => false,
        };
        if chained {
            self.next();
            self.enter()?;
            let node = stacker::maybe_grow(64 << 10, 1 << 20, || self.branch(kind))?;
            self.nesting -= 1;
            return Ok(vec![node]);
        }
        let (list, end) = self.list()?;
        match end {
            End::End => Ok(list),
            End::Else => self.error(format!("expected end; found {}", end.describe())),
        }
    }

    fn block(&mut self) -> Parse<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let id = self.id();
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let outer = std::mem::take(&mut self.level);
        let (body, end) = self.list()?;
        let inner = std::mem::replace(&mut self.level, outer);
        if !matches!(end, End::End) {
            return self.error(format!("unexpected {} in {CONTEXT}", end.describe()));
        }
        let outer = std::mem::replace(&mut self.level, inner);
        self.define(name.clone(), body)?;
        self.level = outer;
        Ok(Node::Template(Box::new(Invocation { id, pos: offset(token.pos), name, pipe: Some(pipe) })))
    }

    fn invocation(&mut self) -> Parse<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let id = self.id();
        let pipe = if self.next_non_space().kind == Kind::RightDelim {
            None
        } else {
            self.backup();
            Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
        };
        Ok(Node::Template(Box::new(Invocation { id, pos: offset(token.pos), name, pipe })))
    }

    // Pipelines.
}

/// A field token without its dot.
fn field_name(token: &Token<'_>) -> Box<str> {
    token.text().strip_prefix('.').unwrap_or_default().into()
}

fn joined(head: &[Box<str>], tail: Vec<Box<str>>) -> Box<[Box<str>]> {
    head.iter().cloned().chain(tail).collect()
}
