//! `.Files.Glob` patterns, as gobwas/glob reads them with `/` as separator.

use std::fmt::Write as _;

use regex::bytes::Regex;

/// Compiles a pattern: `*` and `?` stop at `/`, `**` does not, `[a-z]`, `[!a-z]`, `{one,two}`, `\` quotes. A pattern
/// that is none matches everything, as in Helm.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    translate(pattern).and_then(|source| Regex::new(&source).ok())
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    let mut braces = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                while chars.peek() == Some(&'*') {
                    chars.next();
                }
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => push_literal(&mut out, chars.next()?),
            '[' => push_class(&mut out, &mut chars)?,
            '{' => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                out.push(')');
            }
            ',' if braces > 0 => out.push('|'),
            other => push_literal(&mut out, other),
        }
    }
    out.push('$');
    (braces == 0).then_some(out)
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// `[abc]`, `[a-z]`, either with `!` in front.
fn push_class(out: &mut String, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    out.push('[');
    if chars.peek() == Some(&'!') {
        chars.next();
        out.push('^');
    }
    let mut empty = true;
    loop {
        match chars.next()? {
            ']' if empty => return None,
            ']' => break,
            '-' if !empty => out.push('-'),
            '\\' => write!(out, "\\x{{{:x}}}", u32::from(chars.next()?)).ok()?,
            c => write!(out, "\\x{{{:x}}}", u32::from(c)).ok()?,
        }
        empty = false;
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_gobwas_does() {
        let table = [
            ("files/*", "files/a.txt", true),
            ("files/*", "files/sub/a.txt", false),
            ("files/**", "files/sub/a.txt", true),
            ("**.json", "files/b.json", true),
            ("*.json", "files/b.json", false),
            ("?.txt", "a.txt", true),
            ("?.txt", "/.txt", false),
            ("{a,b/*}.y{a,}ml", "b/c.yml", true),
            ("{a,b}.yaml", "c.yaml", false),
            ("[!a-c].x", "d.x", true),
            ("[!a-c].x", "b.x", false),
            ("a\\*b", "a*b", true),
            ("a.b", "axb", false),
            ("conf/{*.a,*.b}", "conf/x.b", true),
        ];
        for (pattern, name, want) in table {
            let glob = compile(pattern).unwrap();
            assert_eq!(glob.is_match(name.as_bytes()), want, "{pattern} {name}");
        }
        assert!(compile("{a").is_none());
        assert!(compile("[a").is_none());
    }
}
