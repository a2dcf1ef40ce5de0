//! `snakecase`, `kebabcase` and `camelcase`: the word rules of `huandu/xstrings`.

use crate::value::Str;

use super::text::{decode, is_letter, is_number, is_punct, is_upper, to_lower, to_upper};

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// xstrings' `isAlphabet`: a letter, but no CJK ideograph.
fn is_alphabet(c: char) -> bool {
    let ideograph = matches!(c, '\u{3400}'..='\u{4D85}' | '\u{4E00}'..='\u{9FCC}' | '\u{20000}'..='\u{2B81D}');
    is_letter(c) && !ideograph
}

/// `xstrings.ToPascalCase`: words joined, each with a capital; leading and doubled connectors stay.
pub(super) fn pascal(s: &Str) -> String {
    let text = s.text();
    let mut rest = text.chars();
    let mut out = String::with_capacity(text.len());
    let mut current = loop {
        match rest.next() {
            None => return out,
            Some(c) if is_connector(c) && rest.as_str().is_empty() => {
                // The last connector is written once more by xstrings.
                out.push(c);
                out.push(c);
                return out;
            }
            Some(c) if is_connector(c) => out.push(c),
            Some(c) => break c,
        }
    };
    let mut first_upper = is_upper(current);
    current = to_upper(current);
    for next in rest {
        let previous = current;
        current = next;
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            first_upper = is_upper(current);
            current = to_upper(current);
        } else {
            if first_upper {
                if is_upper(current) {
                    current = to_lower(current);
                } else {
                    first_upper = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

/// What a run of characters is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

/// `xstrings.ToSnakeCase` and `ToKebabCase`.
pub(super) fn delimited(s: &Str, connector: char) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len() + 8);
    let mut put = |kind: Word, word: &[u8]| lower(&mut out, kind, word, connector);
    let glue = connector.to_string();
    let glue = glue.as_bytes();
    let (mut kind, mut word, mut rest) = next_word(s.as_bytes());
    while !rest.is_empty() {
        if kind != Word::Connector {
            put(kind, word);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    put(kind, word);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Invalid | Word::Punct | Word::Connector) {
                    put(Word::Other, glue);
                }
            }
            Word::Connector => put(before, last),
            Word::Punct => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punct) {
                    put(Word::Other, glue);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Alphabet {
                    // Lower case letters after a number: the connector comes before the number.
                    put(Word::Other, glue);
                    put(Word::Number, number);
                    while matches!(kind, Word::Alphabet | Word::Number) {
                        put(kind, word);
                        (kind, word, rest) = next_word(rest);
                    }
                    if !matches!(kind, Word::Invalid | Word::Connector | Word::Punct) {
                        put(Word::Other, glue);
                    }
                } else {
                    // The number belongs to the word before it.
                    put(Word::Number, number);
                    if !matches!(kind, Word::Connector | Word::Punct) {
                        put(Word::Other, glue);
                    }
                }
            }
        }
    }
    put(kind, word);
    out
}

fn lower(out: &mut Vec<u8>, kind: Word, word: &[u8], connector: char) {
    if !matches!(kind, Word::Upper | Word::Connector) {
        out.extend_from_slice(word);
        return;
    }
    let mut rest = word;
    while let Some((c, width)) = decode(rest) {
        rest = &rest[width..];
        let mapped = if is_connector(c) {
            connector
        } else if is_upper(c) {
            to_lower(c)
        } else {
            c
        };
        out.extend_from_slice(mapped.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// The next rune that is not U+FFFD, with the width up to its end; `previous` when there is none.
fn next_valid(bytes: &[u8], previous: char) -> (char, usize) {
    let mut size = 0;
    while let Some((c, width)) = decode(&bytes[size..]) {
        size += width;
        if c != char::REPLACEMENT_CHARACTER {
            return (c, size);
        }
    }
    (previous, size)
}

/// How far a run goes on from `offset` while `inside` holds; gives the end and the rune after it.
fn run(text: &[u8], mut offset: usize, mut c: char, inside: impl Fn(char) -> bool) -> (usize, char) {
    while offset < text.len() {
        let (next, size) = next_valid(&text[offset..], c);
        c = next;
        if !inside(c) {
            break;
        }
        offset += size;
    }
    (offset, c)
}

/// The first word of a text, its kind, and what is left.
fn next_word(text: &[u8]) -> (Word, &[u8], &[u8]) {
    if text.is_empty() {
        return (Word::Invalid, text, text);
    }
    let (c, start) = next_valid(text, char::REPLACEMENT_CHARACTER);
    let alphabet_tail = |c: char| is_alphabet(c) && !is_upper(c);
    let (kind, end) = if c == char::REPLACEMENT_CHARACTER {
        (Word::Invalid, start)
    } else if is_connector(c) {
        (Word::Connector, run(text, start, c, is_connector).0)
    } else if is_punct(c) {
        (Word::Punct, run(text, start, c, is_punct).0)
    } else if is_upper(c) {
        (Word::Upper, upper_word_end(text, start, c))
    } else if is_alphabet(c) {
        (Word::Alphabet, run(text, start, c, alphabet_tail).0)
    } else if is_number(c) {
        (Word::Number, run(text, start, c, is_number).0)
    } else {
        let other = |c: char| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punct(c));
        (Word::Other, run(text, start, c, other).0)
    };
    (kind, &text[..end], &text[end..])
}

/// The end of a word that starts with a capital: `HTTPStatus` ends before `S`, `Status` at its end.
fn upper_word_end(text: &[u8], start: usize, first: char) -> usize {
    if start >= text.len() {
        return start;
    }
    let (second, size) = next_valid(&text[start..], first);
    if is_upper(second) {
        let mut end = start + size;
        let mut last_size = size;
        let mut after = second;
        while end < text.len() {
            let (c, size) = next_valid(&text[end..], after);
            after = c;
            if !is_upper(c) {
                break;
            }
            last_size = size;
            end += size;
        }
        if end < text.len() && is_alphabet(after) { end - last_size } else { end }
    } else if is_alphabet(second) {
        run(text, start + size, second, |c| is_alphabet(c) && !is_upper(c)).0
    } else {
        start
    }
}
