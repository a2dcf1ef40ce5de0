//! Go's `net/url`: splitting a URL, unescaping its parts, and writing one.

use std::net::Ipv6Addr;

use crate::value::quote::quote;

use super::text::find;

/// A `url.URL`; all parts unescaped but the query.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<UserInfo>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// A `url.Userinfo`.
#[derive(Debug)]
pub(super) struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Why a text is no URL.
#[derive(Debug)]
pub(super) struct ParseError {
    /// The text Go names.
    pub(super) url: Vec<u8>,
    /// Go's reason.
    pub(super) reason: String,
}

/// Which characters a part leaves as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

impl UserInfo {
    /// `name:password`, escaped.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend(escape(password, Part::User));
        }
        out
    }
}

fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == mark) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Url {
    /// `url.Parse`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let (body, fragment) = cut(text, b'#');
        let mut url = Self::parse_body(body).map_err(|reason| ParseError { url: body.to_vec(), reason })?;
        url.fragment = unescape(fragment.unwrap_or_default(), Part::Fragment)
            .map_err(|reason| ParseError { url: text.to_vec(), reason })?;
        Ok(url)
    }

    fn parse_body(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(|b| *b < b' ' || *b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text == b"*" {
            return Ok(Self { path: b"*".to_vec(), ..Self::default() });
        }
        let (scheme, rest) = scheme(text)?;
        let mut url = Self { scheme: scheme.to_ascii_lowercase(), ..Self::default() };
        let (mut rest, query) = cut(rest, b'?');
        url.query = query.unwrap_or_default().to_vec();
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let has_authority = rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///"));
        if has_authority {
            let authority = &rest[2..];
            let end = authority.iter().position(|b| *b == b'/').unwrap_or(authority.len());
            (url.user, url.host) = parse_authority(&url.scheme, &authority[..end])?;
            rest = &authority[end..];
        }
        url.path = unescape(rest, Part::Path)?;
        Ok(url)
    }

    /// `URL.Hostname`: the host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let host = self.host.as_slice();
        let host = match host.iter().rposition(|b| *b == b':') {
            Some(colon) if valid_port(&host[colon..]) => &host[..colon],
            _ => host,
        };
        host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
    }

    /// `URL.String` of a URL whose escaped forms are not known.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.encode_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn encode_hierarchy(&self, out: &mut Vec<u8>) {
        if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
            if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                out.extend_from_slice(b"//");
            }
            if let Some(user) = &self.user {
                out.extend(user.encoded());
                out.push(b'@');
            }
            out.extend(escape(&self.host, Part::Host));
        }
        let path = if self.path == b"*" { b"*".to_vec() } else { escape(&self.path, Part::Path) };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
            // A first segment with a colon would read as a scheme.
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    }
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parse_authority(scheme: &[u8], text: &[u8]) -> Result<(Option<UserInfo>, Vec<u8>), String> {
    let Some(at) = text.iter().rposition(|b| *b == b'@') else {
        return Ok((None, parse_host(scheme, text)?));
    };
    let host = parse_host(scheme, &text[at + 1..])?;
    let userinfo = &text[..at];
    let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
    if !userinfo.iter().all(valid) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = cut(userinfo, b':');
    let user = UserInfo {
        name: unescape(name, Part::User)?,
        password: password.map(|password| unescape(password, Part::User)).transpose()?,
    };
    Ok((Some(user), host))
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    let bad_port = |port: &[u8]| format!("invalid port {} after host", quote(port));
    match host.iter().rposition(|b| *b == b'[') {
        Some(0) => return parse_ip_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    if let Some(first) = host.iter().position(|b| *b == b':') {
        let last = host.iter().rposition(|b| *b == b':').unwrap_or(first);
        // Web addresses have one colon only; database lists of hosts may have more.
        let strict = scheme == b"http" || scheme == b"https";
        let port = &host[if strict { first } else { last }..];
        if !valid_port(port) {
            return Err(bad_port(port));
        }
    }
    unescape(host, Part::Host)
}

fn parse_ip_literal(host: &[u8]) -> Result<Vec<u8>, String> {
    let end = host.iter().rposition(|b| *b == b']').ok_or_else(|| "missing ']' in host".to_owned())?;
    let port = &host[end + 1..];
    if !valid_port(port) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    let inner = &host[1..end];
    let zone = find(inner, b"%25");
    let address = unescape(&inner[..zone.unwrap_or(inner.len())], Part::Host)?;
    let zone = zone.map(|at| unescape(&inner[at..], Part::Zone)).transpose()?.unwrap_or_default();
    let text = String::from_utf8_lossy(&address).into_owned();
    if zone.len() == 1 || text.parse::<Ipv6Addr>().is_err() {
        let shown = [address.as_slice(), &zone].concat();
        return Err(match text.parse::<std::net::Ipv4Addr>() {
            Ok(_) if zone.is_empty() => "invalid IP-literal".to_owned(),
            _ => format!("invalid host: ParseAddr({}): unable to parse IP", quote(&shown)),
        });
    }
    Ok([b"[", address.as_slice(), &zone, b"]", port].concat())
}

/// `""`, or a colon and digits.
fn valid_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Whether a byte has to be escaped in a part.
fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match part {
        Part::Host | Part::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Part::Path => !b"$&+,/:;=@".contains(&byte),
        Part::User => !b"$&+,;=".contains(&byte),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}

fn hex(bytes: Option<&[u8]>) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    match bytes? {
        [b'%', high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let bad = |at: usize| {
        let shown = &text[at..text.len().min(at + 3)];
        Err(format!("invalid URL escape {}", quote(shown)))
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'%' {
            if matches!(part, Part::Host | Part::Zone) && byte < 0x80 && must_escape(byte, part) {
                return Err(format!("invalid character {} in host name", quote(&[byte])));
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let Some(value) = hex(text.get(at..)) else { return bad(at) };
        let percent = text[at..].starts_with(b"%25");
        if part == Part::Host && value < 0x80 && !percent {
            return bad(at);
        }
        if part == Part::Zone && !percent && value != b' ' && must_escape(value, Part::Host) {
            return bad(at);
        }
        out.push(value);
        at += 3;
    }
    Ok(out)
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if must_escape(byte, part) {
            out.extend(format!("%{byte:02X}").into_bytes());
        } else {
            out.push(byte);
        }
    }
    out
}
