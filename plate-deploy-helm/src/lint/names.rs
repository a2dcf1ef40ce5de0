//! Rules for names, addresses and versions, with the messages of Kubernetes and Helm.

use std::sync::LazyLock;

use regex::Regex;

use crate::value::quote::quote;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// What is wrong with the name of an object of that kind, in Helm's words.
pub(super) fn object_name_problem(kind: &str, name: &str) -> Option<String> {
    let problems = match kind.to_lowercase().as_str() {
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        "service" => limited(name, 63, LABEL_1035, |n| is_label(n) && n.starts_with(|c: char| c.is_ascii_lowercase())),
        "namespace" => limited(name, 63, LABEL, is_label),
        _ => limited(name, 253, SUBDOMAIN, |n| n.split('.').all(is_label)),
    };
    let quoted = quote(name.as_bytes());
    let mut shown: Vec<String> =
        problems.iter().map(|problem| format!("metadata.name: Invalid value: {quoted}: {problem}")).collect();
    let text = match shown.len() {
        0 => return None,
        1 => shown.remove(0),
        _ => format!("[{}]", shown.join(", ")),
    };
    Some(format!("object name does not conform to Kubernetes naming requirements: {quoted}: {text}"))
}

fn limited(name: &str, most: usize, rule: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    if name.len() > most {
        problems.push(format!("must be no more than {most} characters"));
    }
    if !fits(name) {
        problems.push(rule.to_owned());
    }
    problems
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ['/', '%'].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// Whether the text is a SemVer 2 version: three numbers without leading zeros, no `v`.
pub(super) fn is_strict_semver(text: &str) -> bool {
    let (rest, metadata) = text.split_once('+').map_or((text, None), |(rest, metadata)| (rest, Some(metadata)));
    let (numbers, pre) = rest.split_once('-').map_or((rest, None), |(numbers, pre)| (numbers, Some(pre)));
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let no_zero = |part: &str| part == "0" || !part.starts_with('0');
    let number = |part: &str| !part.is_empty() && numeric(part) && no_zero(part) && part.parse::<u64>().is_ok();
    let identifier = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    numbers.split('.').count() == 3
        && numbers.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(|p| identifier(p) && (!numeric(p) || no_zero(p))))
        && metadata.is_none_or(|metadata| metadata.split('.').all(identifier))
}

/// Whether the text has a scheme and could be requested (`govalidator.IsRequestURL`).
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(valid) {
        return false;
    }
    if rest.bytes().any(|b| b < 0x20 || b == 0x7F) {
        return false;
    }
    let Some(authority) = rest.strip_prefix("//") else { return true };
    let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    !host.contains([' ', '^', '<', '>', '"', '\\', '`', '{', '|', '}'])
}

/// Scheme, user, host, port and path of `govalidator.IsURL`.
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let label = r"[a-zA-Z0-9\x{a1}-\x{ffff}][a-zA-Z0-9\x{a1}-\x{ffff}_-]*";
    let host = format!(r"(\[[0-9A-Fa-f:.]+\]|{label}(\.{label})*)");
    Regex::new(&format!(r"^((ftp|tcp|udp|wss?|https?)://)?(\S+(:\S*)?@)?{host}\.?(:\d{{1,5}})?([/?#]\S*)?$")).ok()
});

/// Whether the text is a web address, with or without scheme (`govalidator.IsURL`). Without a scheme or a port it must
/// hold a dot.
pub(super) fn is_url(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let length = text.chars().count();
    (4..2083).contains(&length)
        && (text.contains(':') || path.contains('.'))
        && !text.starts_with('.')
        && URL.as_ref().is_some_and(|url| url.is_match(text))
}

/// Whether the text is a mail address (`govalidator.IsEmail`).
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let label = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || !c.is_ascii() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let parts: Vec<&str> = domain.split('.').collect();
    local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
        && parts.len() > 1
        && parts.iter().all(|part| label(part))
        && parts.last().is_some_and(|last| !last.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_as_govalidator_does() {
        // Text, IsURL, IsRequestURL, IsEmail: what the Go library says.
        for (text, url, request, email) in [
            ("http://a", true, true, false),
            ("https://x.y/z?a=b", true, true, false),
            ("foo", false, false, false),
            ("a.b", false, false, false),
            ("www.x.com", true, false, false),
            ("mailto:a@b", true, true, false),
            ("a:b", false, true, false),
            ("http://", false, true, false),
            ("http://a b", false, false, false),
            ("http://localhost:80", true, true, false),
            ("x.com/a", true, false, false),
            ("1.2.3.4", true, false, false),
            ("http://[::1]/", true, true, false),
            ("x:80", true, true, false),
            ("a@b.c", true, false, true),
            ("a@b", false, false, false),
            ("a b@c.de", false, false, false),
            ("A.B+c@d.co.uk", true, false, true),
            ("a@b..c", false, false, false),
            ("@b.c", false, false, false),
        ] {
            assert_eq!((is_url(text), is_request_url(text), is_email(text)), (url, request, email), "{text}");
        }
    }

    #[test]
    fn strict_versions() {
        for (text, want) in
            [("1.2.3", true), ("1.2.3-a.1+b", true), ("v1.2.3", false), ("1.2", false), ("1.02.3", false)]
        {
            assert_eq!(is_strict_semver(text), want, "{text}");
        }
    }
}
