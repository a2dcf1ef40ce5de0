//! Scanning of directives, anchors, aliases and tags.

use super::error::YamlError;
use super::scanner::{Mark, Scanner};
use super::token::{Kind, Token};

impl<'a> Scanner<'a> {
    pub(super) fn scan_directive(&mut self) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        self.skip_ascii(1);
        let name = self.word();
        if name.is_empty() {
            return Err(self.error(start, "could not find expected directive name"));
        }
        if !self.is_blankz(0) {
            return Err(self.error(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => self.version_directive(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.error(start, "found unknown directive name")),
        };
        self.skip_blanks();
        self.skip_comment();
        if !self.is_breakz(0) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        if self.at(0) != 0 {
            self.skip_break();
        }
        Ok(Token { kind, line: start.line })
    }

    fn version_directive(&mut self, start: Mark) -> Result<Kind<'a>, YamlError> {
        self.skip_blanks();
        let major = self.version_number(start)?;
        if self.at(0) != b'.' {
            return Err(self.error(start, "did not find expected digit or '.' character"));
        }
        self.skip_ascii(1);
        let minor = self.version_number(start)?;
        Ok(Kind::VersionDirective(major, minor))
    }

    fn version_number(&mut self, start: Mark) -> Result<u8, YamlError> {
        let (mut value, mut length) = (0u8, 0);
        while self.at(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return Err(self.error(start, "found extremely long version number"));
            }
            value = value * 10 + (self.at(0) - b'0');
            self.skip_ascii(1);
        }
        if length == 0 {
            return Err(self.error(start, "did not find expected version number"));
        }
        Ok(value)
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Kind<'a>, YamlError> {
        self.skip_blanks();
        let handle = self.tag_handle(start, true)?;
        if !self.is_blank(0) {
            return Err(self.error(start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.tag_uri(start, "")?;
        if !self.is_blankz(0) {
            return Err(self.error(start, "did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective(Box::new((handle, prefix))))
    }

    pub(super) fn scan_anchor(&mut self, alias: bool) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        self.skip_ascii(1);
        let name = self.word();
        let ended = self.is_blankz(0) || matches!(self.at(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ended {
            return Err(self.error(start, "did not find expected alphabetic or numeric character"));
        }
        Ok(Token { kind: if alias { Kind::Alias(name) } else { Kind::Anchor(name) }, line: start.line })
    }

    pub(super) fn scan_tag(&mut self) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        let (mut handle, mut suffix);
        if self.at(1) == b'<' {
            self.skip_ascii(2);
            handle = String::new();
            suffix = self.tag_uri(start, "")?;
            if self.at(0) != b'>' {
                return Err(self.error(start, "did not find the expected '>'"));
            }
            self.skip_ascii(1);
        } else {
            handle = self.tag_handle(start, false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                suffix = self.tag_uri(start, "")?;
            } else {
                suffix = self.tag_uri(start, &handle)?;
                handle = "!".to_owned();
                if suffix.is_empty() {
                    std::mem::swap(&mut handle, &mut suffix);
                }
            }
        }
        if !self.is_blankz(0) {
            return Err(self.error(start, "did not find expected whitespace or line break"));
        }
        Ok(Token { kind: Kind::Tag(Box::new((handle, suffix))), line: start.line })
    }

    fn tag_handle(&mut self, start: Mark, directive: bool) -> Result<String, YamlError> {
        if self.at(0) != b'!' {
            return Err(self.error(start, "did not find expected '!'"));
        }
        self.skip_ascii(1);
        let mut handle = format!("!{}", self.word());
        if self.at(0) == b'!' {
            self.skip_ascii(1);
            handle.push('!');
        } else if directive && handle != "!" {
            return Err(self.error(start, "did not find expected '!'"));
        }
        Ok(handle)
    }

    /// A tag URI that goes on from a handle already read (without its `!`).
    fn tag_uri(&mut self, start: Mark, head: &str) -> Result<String, YamlError> {
        let mut uri = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut found = !head.is_empty();
        loop {
            match self.at(0) {
                b'%' => self.uri_escape(start, &mut uri)?,
                c if c.is_ascii_alphanumeric() || b"_-;/?:@&=+$,.!~*'()[]".contains(&c) => {
                    uri.push(c);
                    self.skip_ascii(1);
                }
                _ => break,
            }
            found = true;
        }
        if !found {
            return Err(self.error(start, "did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    fn uri_escape(&mut self, start: Mark, uri: &mut Vec<u8>) -> Result<(), YamlError> {
        let mut left = None;
        while left != Some(0) {
            let hex = |n: usize| char::from(self.at(n)).to_digit(16);
            let (b'%', Some(high), Some(low)) = (self.at(0), hex(1), hex(2)) else {
                return Err(self.error(start, "did not find URI escaped octet"));
            };
            let octet = u8::try_from(high * 16 + low).unwrap_or_default();
            left = Some(match left {
                Some(n) if octet & 0xC0 == 0x80 => n - 1,
                Some(_) => return Err(self.error(start, "found an incorrect trailing UTF-8 octet")),
                None => match octet {
                    0..=0x7F => 0,
                    0xC0..=0xDF => 1,
                    0xE0..=0xEF => 2,
                    0xF0..=0xF7 => 3,
                    _ => return Err(self.error(start, "found an incorrect leading UTF-8 octet")),
                },
            });
            uri.push(octet);
            self.skip_ascii(3);
        }
        Ok(())
    }

    /// A run of letters, digits, `_` and `-`.
    fn word(&mut self) -> &'a str {
        let from = self.mark.pos;
        while self.at(0).is_ascii_alphanumeric() || matches!(self.at(0), b'_' | b'-') {
            self.skip_ascii(1);
        }
        &self.src[from..self.mark.pos]
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip_ascii(1);
        }
    }
}
