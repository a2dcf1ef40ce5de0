//! Go's RE2 syntax, checked by Go's rules and rewritten for the `regex` crate.
//!
//! The crates agree on meaning (leftmost-first, linear time), not on spelling: `\d` is ASCII in Go, `a**` and `x{1001}`
//! are errors, `{` may stand for itself, `[a&&b]` is no intersection, `\Q…\E` and `\101` exist. So every pattern is
//! parsed and written out again with explicit classes and escaped literals; the crate's own syntax is never passed on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use regex::{Regex, RegexBuilder};

/// Largest compiled program, about what Go allows.
const SIZE_LIMIT: usize = 32 << 20;
/// Compiled expressions kept per thread: charts use few, again and again.
const KEPT: usize = 128;
/// Deepest nesting of groups; Go stops at 1000 levels of syntax.
const MAX_DEPTH: usize = 250;
/// Largest repeat count, nested counts multiplied.
const MAX_REPEAT: u32 = 1000;

thread_local! {
    static CACHE: RefCell<HashMap<String, Rc<GoRegex>>> = RefCell::default();
}

/// A compiled Go regular expression.
#[derive(Debug)]
pub(super) struct GoRegex {
    /// The crate's expression; group numbers are Go's.
    pub(super) regex: Regex,
    /// Whether the pattern text was empty, which `Split` asks.
    pub(super) pattern_is_empty: bool,
    /// Group names with their numbers.
    names: Vec<(String, usize)>,
}

impl GoRegex {
    /// `regexp.Compile`; the error is Go's text.
    pub(super) fn compile(pattern: &str) -> Result<Rc<Self>, String> {
        if let Some(kept) = CACHE.with_borrow(|cache| cache.get(pattern).cloned()) {
            return Ok(kept);
        }
        let regex = Rc::new(Self::compile_new(pattern)?);
        CACHE.with_borrow_mut(|cache| {
            if cache.len() >= KEPT {
                cache.clear();
            }
            cache.insert(pattern.to_owned(), Rc::clone(&regex));
        });
        Ok(regex)
    }

    fn compile_new(pattern: &str) -> Result<Self, String> {
        let mut parser = Parser::new(pattern);
        parser.run().map_err(|(code, at)| format!("error parsing regexp: {code}: `{at}`"))?;
        let regex = RegexBuilder::new(&parser.out).size_limit(SIZE_LIMIT).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("error parsing regexp: expression too large: `{pattern}`"),
            other => format!("error parsing regexp: {other}"),
        })?;
        Ok(Self { regex, pattern_is_empty: pattern.is_empty(), names: parser.names })
    }

    /// The numbers of the groups of that name.
    pub(super) fn groups<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.names.iter().filter(move |(known, _)| known == name).map(|(_, number)| *number)
    }
}

/// Go's error code and the part of the pattern it names.
type Fault = (&'static str, String);
type Parsed<T> = Result<T, Fault>;

const BAD_ESCAPE: &str = "invalid escape sequence";
const BAD_RANGE: &str = "invalid character class range";
const BAD_PERL: &str = "invalid or unsupported Perl syntax";
const BAD_REPEAT: &str = "invalid repeat count";
const NOTHING_TO_REPEAT: &str = "missing argument to repetition operator";

/// An open group: the largest repeat product inside it so far, and inside its current last item.
struct Group {
    /// Where its text starts in the output, so that it can be repeated.
    start: usize,
    /// Largest product of repeat counts of its items.
    product: u32,
}

/// The item a repetition would apply to.
#[derive(Clone, Copy)]
struct Item {
    /// Largest product of repeat counts inside.
    product: u32,
    /// Where its text starts in the output.
    start: usize,
}

struct Parser<'a> {
    pattern: &'a str,
    rest: &'a str,
    out: String,
    names: Vec<(String, usize)>,
    groups: Vec<Group>,
    captures: usize,
    item: Option<Item>,
    /// The text of the repetition just read, when the next character follows it directly.
    repeated: Option<&'a str>,
    /// Largest product of repeat counts at the current level.
    product: u32,
}

impl<'a> Parser<'a> {
    fn new(pattern: &'a str) -> Self {
        Self {
            pattern,
            rest: pattern,
            out: String::with_capacity(pattern.len() + 16),
            names: Vec::new(),
            groups: Vec::new(),
            captures: 0,
            item: None,
            repeated: None,
            product: 1,
        }
    }

    fn run(&mut self) -> Parsed<()> {
        while let Some(c) = self.rest.chars().next() {
            let repeated = self.repeated.take();
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.advance(1);
                    self.out.push('|');
                    self.item = None;
                }
                '^' | '$' | '.' => {
                    self.advance(1);
                    let text = if c == '.' {
                        "."
                    } else if c == '^' {
                        "^"
                    } else {
                        "$"
                    };
                    self.push(text);
                }
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    let before = self.rest;
                    self.advance(1);
                    self.repeat(before, repeated, &c.to_string(), 1)?;
                }
                '{' => self.counted(repeated)?,
                '\\' => self.escape()?,
                _ => {
                    self.advance(c.len_utf8());
                    self.literal(c);
                }
            }
        }
        if self.groups.is_empty() { Ok(()) } else { Err(("missing closing )", self.pattern.to_owned())) }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// What was read since `before`.
    fn since(&self, before: &'a str) -> &'a str {
        &before[..before.len() - self.rest.len()]
    }

    fn push(&mut self, text: &str) {
        self.item = Some(Item { product: 1, start: self.out.len() });
        self.out.push_str(text);
    }

    fn literal(&mut self, c: char) {
        self.item = Some(Item { product: 1, start: self.out.len() });
        write_char(&mut self.out, c);
    }

    fn open(&mut self) -> Parsed<()> {
        let before = self.rest;
        if self.groups.len() >= MAX_DEPTH {
            return Err(("expression nests too deeply", self.pattern.to_owned()));
        }
        if before.starts_with("(?P<") && before.len() > 4 || before.starts_with("(?<") && before.len() > 3 {
            return self.open_named(before);
        }
        if before.starts_with("(?") {
            return self.flags(before);
        }
        self.advance(1);
        self.captures += 1;
        self.enter("(");
        Ok(())
    }

    fn enter(&mut self, text: &str) {
        self.groups.push(Group { start: self.out.len(), product: self.product });
        self.product = 1;
        self.out.push_str(text);
        self.item = None;
    }

    fn open_named(&mut self, before: &'a str) -> Parsed<()> {
        const CODE: &str = "invalid named capture";
        let start = if before.starts_with("(?P") { 4 } else { 3 };
        let end = before.find('>').ok_or_else(|| (CODE, before.to_owned()))?;
        let name = before.get(start..end).unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err((CODE, before[..=end].to_owned()));
        }
        if self.names.iter().any(|(known, _)| known == name) {
            return Err(("duplicate capture group name", name.to_owned()));
        }
        self.captures += 1;
        self.names.push((name.to_owned(), self.captures));
        self.advance(end + 1);
        self.enter("(");
        Ok(())
    }

    fn flags(&mut self, before: &'a str) -> Parsed<()> {
        self.advance(2);
        let (mut on, mut off) = (String::new(), None::<String>);
        while let Some(c) = self.rest.chars().next() {
            self.advance(c.len_utf8());
            match (c, &mut off) {
                ('i' | 'm' | 's' | 'U', None) if !on.contains(c) => on.push(c),
                ('i' | 'm' | 's' | 'U', Some(off)) if !off.contains(c) => off.push(c),
                ('i' | 'm' | 's' | 'U', _) => {}
                ('-', None) => off = Some(String::new()),
                (':' | ')', Some(off)) if off.is_empty() => break,
                (':' | ')', _) => {
                    self.set_flags(&on, &off.unwrap_or_default(), c == ':');
                    return Ok(());
                }
                _ => break,
            }
        }
        Err((BAD_PERL, self.since(before).to_owned()))
    }

    /// Writes a flag group; a flag both set and cleared ends up cleared.
    fn set_flags(&mut self, on: &str, off: &str, group: bool) {
        let on: String = on.chars().filter(|c| !off.contains(*c)).collect();
        let minus = if off.is_empty() { String::new() } else { format!("-{off}") };
        if group {
            self.enter(&format!("(?{on}{minus}:"));
        } else if !(on.is_empty() && off.is_empty()) {
            let _ = write!(self.out, "(?{on}{minus})");
        }
    }

    fn close(&mut self) -> Parsed<()> {
        let group = self.groups.pop().ok_or_else(|| ("unexpected )", self.pattern.to_owned()))?;
        self.advance(1);
        self.out.push(')');
        self.item = Some(Item { product: self.product, start: group.start });
        self.product = group.product.max(self.product);
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else that starts with a brace is the brace itself.
    fn counted(&mut self, repeated: Option<&'a str>) -> Parsed<()> {
        let before = self.rest;
        let Some((min, max, len)) = counts(before) else {
            self.advance(1);
            self.literal('{');
            return Ok(());
        };
        self.advance(len);
        let valid = |n: Option<u32>| n.filter(|n| *n <= MAX_REPEAT);
        let fault = || (BAD_REPEAT, before[..len].to_owned());
        let min = valid(min).ok_or_else(fault)?;
        let (text, most) = match max {
            None => (format!("{{{min},}}"), min),
            Some(max) => {
                let max = valid(max).filter(|max| *max >= min).ok_or_else(fault)?;
                (format!("{{{min},{max}}}"), max)
            }
        };
        self.repeat(before, repeated, &text, most)
    }

    /// Applies a repetition to the last item.
    fn repeat(&mut self, before: &'a str, repeated: Option<&'a str>, text: &str, most: u32) -> Parsed<()> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.advance(1);
        }
        if let Some(start) = repeated {
            return Err(("invalid nested repetition operator", self.since(start).to_owned()));
        }
        let item = self.item.ok_or_else(|| (NOTHING_TO_REPEAT, self.since(before).to_owned()))?;
        let product = item.product.saturating_mul(most.max(1));
        if most >= 2 && product > MAX_REPEAT {
            return Err((BAD_REPEAT, self.since(before).to_owned()));
        }
        self.product = self.product.max(product);
        // An assertion or an empty group repeats as a group does.
        self.out.insert_str(item.start, "(?:");
        self.out.push(')');
        self.out.push_str(text);
        if lazy {
            self.out.push('?');
        }
        self.item = Some(Item { product, start: item.start });
        self.repeated = Some(before);
        Ok(())
    }

    fn escape(&mut self) -> Parsed<()> {
        let kind = self.rest.chars().nth(1);
        let text = match kind {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('C') => return Err((BAD_ESCAPE, self.rest[..2].to_owned())),
            Some('Q') => {
                let body = &self.rest[2..];
                let (quoted, rest) = body.split_once(r"\E").unwrap_or((body, ""));
                self.rest = rest;
                quoted.chars().for_each(|c| self.literal(c));
                return Ok(());
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    self.push(&class);
                } else {
                    let c = self.char_escape()?;
                    self.literal(c);
                }
                return Ok(());
            }
        };
        self.advance(2);
        self.push(text);
        Ok(())
    }

    /// `\d`, `\W`, `\pL`, `\P{Greek}` as a bracketed class.
    fn class_escape(&mut self) -> Parsed<Option<String>> {
        let mut chars = self.rest.chars();
        let (Some('\\'), Some(kind)) = (chars.next(), chars.next()) else { return Ok(None) };
        let class = match kind {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => r"[\t\n\x0C\r ]",
            'S' => r"[^\t\n\x0C\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'p' | 'P' => return self.unicode_class(kind == 'P').map(Some),
            _ => return Ok(None),
        };
        self.advance(2);
        Ok(Some(class.to_owned()))
    }

    fn unicode_class(&mut self, negated: bool) -> Parsed<String> {
        let before = self.rest;
        let body = &before[2..];
        let (name, len) = match body.chars().next() {
            None => return Err((BAD_ESCAPE, before.to_owned())),
            Some('{') => {
                let end = body.find('}').ok_or_else(|| (BAD_RANGE, before.to_owned()))?;
                (&body[1..end], end + 1)
            }
            Some(c) => (&body[..c.len_utf8()], c.len_utf8()),
        };
        self.advance(2 + len);
        let (negated, name) = name.strip_prefix('^').map_or((negated, name), |name| (!negated, name));
        let class = known_class(name).ok_or_else(|| (BAD_RANGE, self.since(before).to_owned()))?;
        Ok(format!("[{}{class}]", if negated { "^" } else { "" }))
    }

    fn char_escape(&mut self) -> Parsed<char> {
        let before = self.rest;
        self.advance(1);
        let Some(c) = self.rest.chars().next() else {
            return Err(("trailing backslash at end of expression", String::new()));
        };
        self.advance(c.len_utf8());
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        match c {
            'a' => return Ok('\x07'),
            'f' => return Ok('\x0c'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\x0b'),
            'x' => {
                if let Some(c) = self.hex_escape() {
                    return Ok(c);
                }
            }
            '0'..='7' if c == '0' || octal(self.rest.chars().next()).is_some() => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = octal(self.rest.chars().next()) else { break };
                    code = code * 8 + digit;
                    self.advance(1);
                }
                return Ok(char::from_u32(code).unwrap_or_default());
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(c),
            _ => {}
        }
        Err((BAD_ESCAPE, self.since(before).to_owned()))
    }

    /// After `\x`: two digits, or any number in braces. Reads as far as Go does before it gives up.
    fn hex_escape(&mut self) -> Option<char> {
        let mut next = || {
            let c = self.rest.chars().next()?;
            self.rest = &self.rest[c.len_utf8()..];
            Some(c)
        };
        let first = next()?;
        if first != '{' {
            let second = next()?;
            return char::from_u32(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let mut code = None;
        loop {
            match next()? {
                '}' => return char::from_u32(code?),
                c => {
                    let value = code.unwrap_or(0) * 16 + c.to_digit(16)?;
                    code = Some(value).filter(|value| *value <= 0x10_FFFF);
                    code?;
                }
            }
        }
    }

    fn class(&mut self) -> Parsed<()> {
        let whole = self.rest;
        let start = self.out.len();
        self.advance(1);
        let mut class = String::from("[");
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            class.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if self.rest.len() > 2
                && self.rest.starts_with("[:")
                && let Some(named) = self.posix_class()?
            {
                class.push_str(&named);
                continue;
            }
            if let Some(escape) = self.class_escape()? {
                class.push_str(&escape);
                continue;
            }
            let before = self.rest;
            let low = self.class_char(whole)?;
            let mut high = low;
            let bytes = self.rest.as_bytes();
            if bytes.len() >= 2 && bytes[0] == b'-' && bytes[1] != b']' {
                self.advance(1);
                high = self.class_char(whole)?;
                if high < low {
                    return Err((BAD_RANGE, self.since(before).to_owned()));
                }
            }
            write_char(&mut class, low);
            if high != low {
                class.push('-');
                write_char(&mut class, high);
            }
        }
        self.advance(1);
        class.push(']');
        self.out.push_str(&class);
        self.item = Some(Item { product: 1, start });
        Ok(())
    }

    fn class_char(&mut self, whole: &'a str) -> Parsed<char> {
        let c = self.rest.chars().next().ok_or_else(|| ("missing closing ]", whole.to_owned()))?;
        if c == '\\' {
            return self.char_escape();
        }
        self.advance(c.len_utf8());
        Ok(c)
    }

    /// `[:alpha:]`, `[:^digit:]`.
    fn posix_class(&mut self) -> Parsed<Option<String>> {
        let Some(end) = self.rest[2..].find(":]") else { return Ok(None) };
        let whole = &self.rest[..end + 4];
        let name = &self.rest[2..end + 2];
        let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let ranges = match name {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => r"\x00-\x7F",
            "blank" => r"\t ",
            "cntrl" => r"\x00-\x1F\x7F",
            "digit" => "0-9",
            "graph" => "!-~",
            "lower" => "a-z",
            "print" => " -~",
            "punct" => r"!-/:-@\[-`{-~",
            "space" => r"\t\n\x0B\x0C\r ",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => return Err((BAD_RANGE, whole.to_owned())),
        };
        self.advance(end + 4);
        Ok(Some(format!("[{}{ranges}]", if negated { "^" } else { "" })))
    }
}

/// A character that stands for itself, in a class or outside.
fn write_char(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{:02X}", u32::from(c));
    }
}

/// A Unicode category or script by the names Go takes, as the crate writes it.
fn known_class(name: &str) -> Option<String> {
    let plain: String = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    if plain.eq_ignore_ascii_case("lc") {
        return Some(r"\p{Lu}\p{Ll}\p{Lt}".to_owned());
    }
    [format!(r"\p{{gc={plain}}}"), format!(r"\p{{sc={plain}}}")].into_iter().find(|class| Regex::new(class).is_ok())
}

/// The numbers of a counted repetition and its length: minimum, maximum (`None`: open). A number that does not fit is
/// an inner `None`.
#[allow(clippy::option_option)]
fn counts(text: &str) -> Option<(Option<u32>, Option<Option<u32>>, usize)> {
    let body = text.strip_prefix('{')?;
    let end = body.find('}')?;
    let (min, max) = match body[..end].split_once(',') {
        None => (&body[..end], None),
        Some((min, max)) => (min, Some(max)),
    };
    let number = |digits: &str| {
        let valid = !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && (digits.len() == 1 || !digits.starts_with('0'));
        valid.then(|| digits.parse::<u32>().ok())
    };
    let min = number(min)?;
    let max = match max {
        None => Some(min),
        Some("") => None,
        Some(max) => Some(number(max)?),
    };
    Some((min, max, end + 2))
}
