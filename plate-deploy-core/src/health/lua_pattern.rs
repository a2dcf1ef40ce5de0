//! Lua's string patterns, with a budget: a hostile pattern tries exponentially many ways, so every step is counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Most captures of a pattern, as in Lua.
const MAX_CAPTURES: usize = 32;
/// Deepest nesting of attempts, as in Lua.
const MAX_DEPTH: usize = 200;

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    /// The text from the first to before the second place.
    Text(usize, usize),
    /// `()`: a place, counted from 0.
    Position(usize),
}

/// A match: where it is, and its captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) captures: Vec<Capture>,
}

/// How many steps all matches of one script may take together.
#[derive(Debug)]
pub(super) struct Budget(AtomicU64);

impl Budget {
    pub(super) fn new(steps: u64) -> Self {
        Self(AtomicU64::new(steps))
    }

    fn step(&self) -> Result<(), &'static str> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |steps| steps.checked_sub(1));
        left.map(|_| ()).map_err(|_| "string patterns took too many steps")
    }
}

/// The first match of `pattern` in `text` at or after `from`.
///
/// # Errors
/// A malformed pattern, in Lua's words, or a budget that is used up.
pub(super) fn find(text: &[u8], pattern: &[u8], from: usize, budget: &Budget) -> Result<Option<Match>, &'static str> {
    let (pattern, anchored) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let mut matcher = Matcher { text, pattern, captures: Vec::new(), depth: 0, budget };
    for start in from..=text.len() {
        matcher.captures.clear();
        if let Some(end) = matcher.attempt(start, 0)? {
            return Ok(Some(Match { start, end, captures: matcher.finished()? }));
        }
        if anchored {
            break;
        }
    }
    Ok(None)
}

struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    /// Start and, once closed, what the capture holds.
    captures: Vec<(usize, Option<Capture>)>,
    depth: usize,
    budget: &'a Budget,
}

type Attempt = Result<Option<usize>, &'static str>;

impl Matcher<'_> {
    /// Where a match that starts at text `s` and pattern `p` ends.
    fn attempt(&mut self, s: usize, p: usize) -> Attempt {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("pattern too complex");
        }
        let result = self.walk(s, p);
        self.depth -= 1;
        result
    }

    fn walk(&mut self, mut s: usize, mut p: usize) -> Attempt {
        loop {
            self.budget.step()?;
            let Some(&c) = self.pattern.get(p) else { return Ok(Some(s)) };
            match (c, self.pattern.get(p + 1)) {
                (b'(', Some(b')')) => return self.capture(s, p + 2, Some(Capture::Position(s))),
                (b'(', _) => return self.capture(s, p + 1, None),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.text.len()).then_some(s)),
                (b'%', Some(b'b')) => match self.balanced(s, p + 2)? {
                    Some(end) => (s, p) = (end, p + 4),
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => match self.frontier(s, p + 2)? {
                    Some(next) => p = next,
                    None => return Ok(None),
                },
                (b'%', Some(digit @ b'0'..=b'9')) => match self.back_reference(s, *digit)? {
                    Some(end) => (s, p) = (end, p + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = self.class_end(p)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.single(s, p, end)
                                && let Some(found) = self.attempt(s + 1, end + 1)?
                            {
                                return Ok(Some(found));
                            }
                            p = end + 1;
                        }
                        Some(b'+') if !self.single(s, p, end) => return Ok(None),
                        Some(b'+') => return self.most(s + 1, p, end),
                        Some(b'*') => return self.most(s, p, end),
                        Some(b'-') => return self.least(s, p, end),
                        _ if !self.single(s, p, end) => return Ok(None),
                        _ => (s, p) = (s + 1, end),
                    }
                }
            }
        }
    }

    fn capture(&mut self, s: usize, p: usize, what: Option<Capture>) -> Attempt {
        if self.captures.len() >= MAX_CAPTURES {
            return Err("too many captures");
        }
        self.captures.push((s, what));
        let result = self.attempt(s, p)?;
        if result.is_none() {
            self.captures.pop();
        }
        Ok(result)
    }

    fn close(&mut self, s: usize, p: usize) -> Attempt {
        let open = self.captures.iter().rposition(|(_, what)| what.is_none()).ok_or("invalid pattern capture")?;
        self.set(open, |start| Some(Capture::Text(start, s)));
        let result = self.attempt(s, p)?;
        if result.is_none() {
            self.set(open, |_| None);
        }
        Ok(result)
    }

    fn set(&mut self, index: usize, what: impl FnOnce(usize) -> Option<Capture>) {
        if let Some((start, slot)) = self.captures.get_mut(index) {
            *slot = what(*start);
        }
    }

    /// As many of the class as possible, then fewer.
    fn most(&mut self, s: usize, p: usize, end: usize) -> Attempt {
        let mut count = 0;
        while self.single(s + count, p, end) {
            self.budget.step()?;
            count += 1;
        }
        loop {
            if let Some(found) = self.attempt(s + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    /// As few of the class as possible, then more.
    fn least(&mut self, mut s: usize, p: usize, end: usize) -> Attempt {
        loop {
            if let Some(found) = self.attempt(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    /// `%bxy`.
    fn balanced(&self, s: usize, p: usize) -> Attempt {
        let (Some(open), Some(close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err("malformed pattern (missing arguments to '%b')");
        };
        if self.text.get(s) != Some(open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for (i, c) in self.text.iter().enumerate().skip(s + 1) {
            self.budget.step()?;
            if c == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(i + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: the place where the set begins; returns where the pattern goes on.
    fn frontier(&self, s: usize, p: usize) -> Attempt {
        if self.pattern.get(p) != Some(&b'[') {
            return Err("missing '[' after '%f' in pattern");
        }
        let end = self.class_end(p)?;
        let at = |i: Option<usize>| i.and_then(|i| self.text.get(i)).copied().unwrap_or(0);
        let before = at(s.checked_sub(1));
        let begins = !self.in_set(before, p, end - 1) && self.in_set(at(Some(s)), p, end - 1);
        Ok(begins.then_some(end))
    }

    fn back_reference(&self, s: usize, digit: u8) -> Attempt {
        let index = usize::from(digit.wrapping_sub(b'1'));
        let Some((_, Some(Capture::Text(start, end)))) = self.captures.get(index) else {
            return Err("invalid capture index");
        };
        let wanted = self.text.get(*start..*end).unwrap_or_default();
        let fits = self.text.get(s..).is_some_and(|rest| rest.starts_with(wanted));
        Ok(fits.then_some(s + wanted.len()))
    }

    /// Where the class that starts at `p` ends.
    fn class_end(&self, p: usize) -> Result<usize, &'static str> {
        match self.pattern.get(p) {
            Some(b'%') => match self.pattern.get(p + 1) {
                Some(_) => Ok(p + 2),
                None => Err("malformed pattern (ends with '%')"),
            },
            Some(b'[') => {
                let mut i = p + 1;
                if self.pattern.get(i) == Some(&b'^') {
                    i += 1;
                }
                // A `]` right at the start is a member.
                let first = i;
                loop {
                    match self.pattern.get(i) {
                        None => return Err("malformed pattern (missing ']')"),
                        Some(b']') if i > first => return Ok(i + 1),
                        Some(b'%') => i += 2,
                        Some(_) => i += 1,
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Whether the character at `s` is in the class from `p` to `end`.
    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let (Some(&c), Some(&class)) = (self.text.get(s), self.pattern.get(p)) else { return false };
        match class {
            b'.' => true,
            b'%' => self.pattern.get(p + 1).is_some_and(|class| in_class(c, *class)),
            b'[' => self.in_set(c, p, end - 1),
            class => c == class,
        }
    }

    /// Whether `c` is in the set whose `[` is at `p` and whose `]` is at `end`.
    fn in_set(&self, c: u8, p: usize, end: usize) -> bool {
        let mut set = self.pattern.get(p + 1..end).unwrap_or_default();
        let negated = set.first() == Some(&b'^');
        if negated {
            set = set.get(1..).unwrap_or_default();
        }
        let mut found = false;
        while let Some((&first, rest)) = set.split_first() {
            set = rest;
            match (first, rest) {
                (b'%', [class, rest @ ..]) => {
                    found |= in_class(c, *class);
                    set = rest;
                }
                (low, [b'-', high, rest @ ..]) => {
                    found |= (low..=*high).contains(&c);
                    set = rest;
                }
                (member, _) => found |= c == member,
            }
        }
        found != negated
    }

    fn finished(&self) -> Result<Vec<Capture>, &'static str> {
        self.captures.iter().map(|(_, what)| what.ok_or("unfinished capture")).collect()
    }
}

/// Lua's character classes; a capital letter is the opposite.
fn in_class(c: u8, class: u8) -> bool {
    let is = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'c' => c.is_ascii_control(),
        b'd' => c.is_ascii_digit(),
        b'g' => c.is_ascii_graphic(),
        b'l' => c.is_ascii_lowercase(),
        b'p' => c.is_ascii_punctuation(),
        b's' => matches!(c, b' ' | b'\t'..=b'\r'),
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        _ => return class == c,
    };
    is != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_lua() {
        type Found = Option<(usize, usize, &'static [&'static str])>;
        let cases: &[(&str, &str, Found)] = &[
            ("v1.22.3", "^v(%d+)%.(%d+)", Some((0, 5, &["1", "22"]))),
            ("key = value", "(%w+)%s*=%s*(%w+)", Some((0, 11, &["key", "value"]))),
            ("hello", "l+", Some((2, 4, &[]))),
            ("<a><b>", "<(.-)>", Some((0, 3, &["a"]))),
            ("f(a(b)c)d", "%b()", Some((1, 8, &[]))),
            ("THE (quick) fox", "%f[%a]%a+%f[%A]", Some((0, 3, &[]))),
            ("abab", "(ab)%1", Some((0, 4, &["ab"]))),
            ("x-]y", "[]%-]+", Some((1, 3, &[]))),
            ("abc", "[^a-b]", Some((2, 3, &[]))),
            ("abc", "b$", None),
            ("", "^$", Some((0, 0, &[]))),
            ("3/5", "(%d+)/(%d+)", Some((0, 3, &["3", "5"]))),
        ];
        for (text, pattern, want) in cases {
            let found = find(text.as_bytes(), pattern.as_bytes(), 0, &Budget::new(10_000)).unwrap();
            let found = found.map(|m| {
                let captures = m.captures.iter().map(|c| match c {
                    Capture::Text(a, b) => &text[*a..*b],
                    Capture::Position(_) => "()",
                });
                (m.start, m.end, captures.collect::<Vec<_>>())
            });
            let want = want.map(|(start, end, captures)| (start, end, captures.to_vec()));
            assert_eq!(found, want, "{text} {pattern}");
        }
    }

    #[test]
    fn hostile_patterns_end() {
        let (text, pattern) = ("a".repeat(40), format!("{}{}b", "a?".repeat(40), "a".repeat(40)));
        assert!(find(text.as_bytes(), pattern.as_bytes(), 0, &Budget::new(100_000)).is_err());
        for malformed in ["[a", "%", "(a", "%f", "%b", "a)", "%1"] {
            assert!(find(b"aaa", malformed.as_bytes(), 0, &Budget::new(1000)).is_err(), "{malformed}");
        }
    }
}
