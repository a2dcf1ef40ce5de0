//! Repository URLs compared as Argo CD compares them: lower case, without `.git`, SSH forms alike, through Go's URL parser.

use std::net::Ipv6Addr;

/// Bytes that Go leaves as they are besides letters, digits and `-_.~`.
const IN_PATH: &[u8] = b"$&+,/:;=@";
const IN_HOST: &[u8] = b"!$&'()*+,;=:[]<>\"";
const IN_USER: &[u8] = b"$&+,;=";
const IN_FRAGMENT: &[u8] = b"$&+,/:;=?@!()*";
/// Bytes that a path or fragment may hold unescaped without being rewritten.
const TOLERATED: &[u8] = b"!$&'()*+,;=:@[]%";

/// The form in which Argo CD compares repository URLs (`git.NormalizeGitURL`); `""` for what Go cannot parse.
#[must_use]
pub fn normalize_git_url(url: &str) -> String {
    let mut url = url.trim().to_lowercase();
    if is_ssh_url(&url) && !url.starts_with("ssh://") {
        // `git@server:path`: Go would read what follows the colon as a port.
        url = format!("ssh://{}", url.replacen(':', "/", 1));
    }
    let url = url.strip_suffix(".git").unwrap_or(&url);
    let normalized = reprint(url).unwrap_or_default();
    normalized.strip_prefix("ssh://").map(str::to_owned).unwrap_or(normalized)
}

/// Whether both name the same repository (`git.SameURL`); an invalid URL equals itself only.
#[must_use]
pub fn same_repo(left: &str, right: &str) -> bool {
    let normal = |url: &str| Some(normalize_git_url(url)).filter(|n| !n.is_empty()).unwrap_or_else(|| url.to_owned());
    let (left, right) = (normal(left), normal(right));
    !left.is_empty() && left == right
}

/// Argo CD's `^(ssh://)?([^/:]*?)@[^@]+$`.
fn is_ssh_url(url: &str) -> bool {
    let url = url.strip_prefix("ssh://").unwrap_or(url);
    url.split_once('@')
        .is_some_and(|(user, rest)| !user.contains(['/', ':']) && !rest.is_empty() && !rest.contains('@'))
}

/// Why Go's `url.Parse` refuses a text, roughly; `None` when it does not.
pub(super) fn go_parse_error(url: &str) -> Option<String> {
    reprint(url).is_none().then(|| format!("parse {url:?}: not a URL"))
}

/// Go's `url.Parse` followed by `String`; `None` when Go reports an error.
fn reprint(url: &str) -> Option<String> {
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    if url.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    let (scheme, rest) = split_scheme(url)?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let mut out = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
    if !rest.starts_with('/') {
        if scheme.is_empty() {
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return None;
            }
            out.push_str(&escaped(rest, IN_PATH)?);
        } else {
            out.push_str(rest);
        }
    } else {
        let authority = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///"));
        let path = match authority {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let authority = reprint_authority(scheme, authority)?;
                if !authority.is_empty() || !path.is_empty() {
                    out.push_str("//");
                    out.push_str(&authority);
                }
                path
            }
            None => rest,
        };
        out.push_str(&escaped(path, IN_PATH)?);
    }
    if let Some(query) = query {
        out.push('?');
        out.push_str(query);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(&escaped(fragment, IN_FRAGMENT)?);
    }
    Some(out)
}

/// `scheme:rest`; the scheme is `""` when there is none, and `None` means an empty one (`:x`).
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    for (i, b) in url.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return None,
            b':' => return Some((&url[..i], &url[i + 1..])),
            _ => break,
        }
    }
    Some(("", url))
}

fn reprint_authority(scheme: &str, authority: &str) -> Option<String> {
    let Some((user, host)) = authority.rsplit_once('@') else { return reprint_host(scheme, authority) };
    if !user.bytes().all(|b| unreserved(b) || b"-._:~!$&'()*+,;=%@".contains(&b)) {
        return None;
    }
    let part = |text: &str| Some(escape(&unescape(text)?, IN_USER));
    let user = match user.split_once(':') {
        Some((name, password)) => format!("{}:{}", part(name)?, part(password)?),
        None => part(user)?,
    };
    Some(format!("{user}@{}", reprint_host(scheme, host)?))
}

fn reprint_host(scheme: &str, host: &str) -> Option<String> {
    if let Some(open) = host.rfind('[') {
        let (address, port) = host.strip_prefix('[').filter(|_| open == 0)?.rsplit_once(']')?;
        if !valid_port(port) {
            return None;
        }
        let (address, zone) = address.split_once("%25").map_or((address, None), |(a, z)| (a, Some(z)));
        address.parse::<Ipv6Addr>().ok()?;
        let zone = zone.map(|z| format!("%25{z}")).unwrap_or_default();
        return Some(format!("[{address}{zone}]{port}"));
    }
    if let Some(colon) = host.find(':') {
        // Go is strict about a second colon for http and https only.
        let strict = matches!(scheme, "http" | "https");
        let colon = if strict { colon } else { host.rfind(':').unwrap_or(colon) };
        if !valid_port(&host[colon..]) {
            return None;
        }
    }
    let plain = host.bytes().all(|b| b == b'%' || !b.is_ascii() || unreserved(b) || IN_HOST.contains(&b));
    let decoded = unescape(host).filter(|_| plain)?;
    // Only bytes that are not ASCII may be percent-encoded in a host.
    let bad = host.match_indices('%').any(|(i, _)| matches!(host.as_bytes().get(i + 1), Some(b'0'..=b'7')));
    if bad { None } else { Some(escape(&decoded, IN_HOST)) }
}

fn valid_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~".contains(&b)
}

/// As written when Go would leave it alone, else decoded and encoded again; `None` for a broken `%`.
fn escaped(text: &str, allowed: &[u8]) -> Option<String> {
    let decoded = unescape(text)?;
    let fine = text.bytes().all(|b| unreserved(b) || TOLERATED.contains(&b) || allowed.contains(&b));
    Some(if fine { text.to_owned() } else { escape(&decoded, allowed) })
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(b);
        }
    }
    Some(out)
}

fn escape(bytes: &[u8], allowed: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
        if unreserved(b) || allowed.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{normalize_git_url, same_repo};

    #[test]
    fn normalizes_as_argo_cd() {
        let cases = [
            ("https://GIT.example.com/A/B.git", "https://git.example.com/a/b"),
            (" https://git.example.com/a/b/ ", "https://git.example.com/a/b/"),
            ("git@git.example.com:a/b.git", "git@git.example.com/a/b"),
            ("ssh://git@git.example.com/a/b", "git@git.example.com/a/b"),
            ("ssh://git@git.example.com:2222/a", "git@git.example.com:2222/a"),
            ("https://u:p@host/x", "https://u:p@host/x"),
            ("registry.example.com/charts", "registry.example.com/charts"),
            ("oci://registry.example.com/oci/*", "oci://registry.example.com/oci/*"),
            ("https://*.example.com/**", "https://*.example.com/**"),
            ("https://h/team-?/app", "https://h/team-?/app"),
            ("https://h/{a,b}/app", "https://h/%7Ba,b%7D/app"),
            ("https://h/[x-z]/app", "https://h/[x-z]/app"),
            ("https://[bad", ""),
            ("https://h/%zz", ""),
            ("https://h:port/", ""),
            ("*", "*"),
            ("", ""),
        ];
        for (url, want) in cases {
            assert_eq!(normalize_git_url(url), want, "{url}");
        }
    }

    #[test]
    fn the_same_repository() {
        assert!(same_repo("https://h/a.git", "https://H/a"));
        assert!(same_repo("https://[bad", "https://[bad"));
        assert!(!same_repo("https://h/a", "git@h:a"));
        assert!(!same_repo("", ""));
    }
}
