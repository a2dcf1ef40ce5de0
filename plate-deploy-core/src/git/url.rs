//! Repository addresses: what they mean, when two are the same repository, and how to print them without credentials.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::credentials::Credentials;
use super::error::GitError;
use crate::model::normalize_git_url;

/// A repository address, understood. `Debug` and `Display` never show credentials: they are taken out when it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepoUrl {
    /// A folder on this machine, from a path or a `file://` URL.
    Local(PathBuf),
    /// `https://` or `http://`.
    Http {
        /// The address without user and password.
        url: String,
        /// Host in lower case, with the port when one is given: what credentials are bound to.
        host: String,
        /// Credentials that were written into the address.
        embedded: Option<Credentials>,
    },
    /// `ssh://user@host/path` or `user@host:path`, as given without a password.
    Ssh(String),
}

impl std::fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Http { url, .. } | Self::Ssh(url) => f.write_str(url),
        }
    }
}

impl RepoUrl {
    /// Reads an address. Relative paths are taken from `base`.
    ///
    /// # Errors
    /// Addresses that begin with `-`, that hold control characters, and schemes that would start programs (`ext::`) or
    /// that nobody should use (`git://` has no encryption).
    pub fn parse(text: &str, base: &Path) -> Result<Self, GitError> {
        let text = text.trim();
        if text.is_empty() || text.starts_with('-') || text.contains(|c: char| c.is_control()) {
            return Err(unsupported(text, "an address that is empty, begins with `-` or holds control characters"));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "file" => local_from_file_url(text, rest),
                "https" | "http" => http(text, scheme, rest),
                "ssh" => ssh(text, rest),
                other => Err(unsupported(text, &format!("the scheme `{other}`"))),
            };
        }
        match text.find([':', '/']) {
            Some(at) if text[at..].starts_with("::") => {
                Err(unsupported(text, "an address of a remote helper program (`…::`)"))
            }
            Some(at) if text[at..].starts_with(':') => ssh(text, text),
            _ => Ok(Self::Local(base.join(text))),
        }
    }
}

fn local_from_file_url(text: &str, rest: &str) -> Result<RepoUrl, GitError> {
    let path = match rest.find('/') {
        Some(0) => rest,
        Some(at) if rest[..at].eq_ignore_ascii_case("localhost") => &rest[at..],
        _ => return Err(unsupported(text, "a file:// address on another host")),
    };
    percent_decode(path)
        .map(|path| RepoUrl::Local(path.into()))
        .ok_or_else(|| unsupported(text, "a malformed %-escape in an address"))
}

fn http(text: &str, scheme: &str, rest: &str) -> Result<RepoUrl, GitError> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (userinfo, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host = host.to_ascii_lowercase();
    if host.is_empty()
        || host.starts_with('-')
        || path.contains('@') && path.contains(':') && userinfo.is_none() && authority.contains(':') && !has_port(&host)
    {
        return Err(unsupported(text, "an address without a valid host (a password must be %-escaped)"));
    }
    let embedded = userinfo.filter(|info| !info.is_empty()).map(|info| {
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        let decode = |part: &str| percent_decode(part).unwrap_or_else(|| part.to_owned());
        Credentials::basic(&host, decode(user), decode(password))
    });
    let url = format!("{}://{host}{path}", scheme.to_ascii_lowercase());
    Ok(RepoUrl::Http { url, host, embedded })
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn ssh(text: &str, rest: &str) -> Result<RepoUrl, GitError> {
    let authority = rest.split(['/', ':']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with('-') || authority.starts_with('-') {
        return Err(unsupported(text, "an ssh address without a valid host"));
    }
    Ok(RepoUrl::Ssh(redact_url(text).into_owned()))
}

fn unsupported(text: &str, what: &str) -> GitError {
    GitError::Unsupported {
        repository: redact_url(text).chars().take(200).collect(),
        what: what.to_owned(),
        remedy: "use a path, file://, https:// or ssh://".to_owned(),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Removes `user:password@` (and `user@`) from every `scheme://…` in a text; `user@` of ssh addresses stays.
#[must_use]
pub fn redact_url(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        let authority = &after[..end];
        let host = authority.rfind('@').map_or(0, |at| at + 1);
        if before.ends_with("ssh://") && host > 0 {
            out.push_str(authority[..host - 1].split(':').next().unwrap_or_default());
            out.push('@');
        }
        out.push_str(&authority[host..]);
        rest = &after[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Which local folder stands for which repository address, so that a deploy works without a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoUrlMap {
    folders: BTreeMap<String, PathBuf>,
}

impl RepoUrlMap {
    /// Adds a mapping; a later one for the same repository wins.
    pub fn insert(&mut self, url: &str, folder: impl Into<PathBuf>) {
        self.folders.insert(key(url), folder.into());
    }

    /// Without the mapping of an address.
    #[must_use]
    pub fn without(mut self, url: &str) -> Self {
        self.folders.remove(&key(url));
        self
    }

    /// The folder for an address, however it is spelled (host case, `.git`, a `/` at the end, ssh forms).
    #[must_use]
    pub fn get(&self, url: &str) -> Option<&Path> {
        self.folders.get(&key(url)).map(PathBuf::as_path)
    }

    /// Whether two addresses are the same repository for this map.
    #[must_use]
    pub fn same(left: &str, right: &str) -> bool {
        key(left) == key(right)
    }
}

/// Argo CD's normal form, and also without a `/` at the end and without credentials; other texts stand for themselves.
fn key(url: &str) -> String {
    let url = redact_url(url.trim()).into_owned();
    let normalized = normalize_git_url(url.trim_end_matches('/'));
    if normalized.is_empty() { url } else { normalized }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms_are_argo_cds() {
        // Expected values from running util/git.NormalizeGitURL of Argo CD v3.6.1.
        for (url, expected) in [
            ("https://GitHub.com/Org/Repo.git", "https://github.com/org/repo"),
            ("git@github.com:Org/repo.git", "git@github.com/org/repo"),
            ("ssh://git@github.com/org/repo.git", "git@github.com/org/repo"),
            ("ssh://git@github.com:22/org/repo", "git@github.com:22/org/repo"),
            ("  https://h/x/ ", "https://h/x/"),
            ("https://u:p@h/x.git", "https://u:p@h/x"),
            ("file:///srv/Repo.git", "file:///srv/repo"),
            ("https://h/a b/é", "https://h/a%20b/%C3%A9"),
            ("https://h/x.git/", "https://h/x.git/"),
            ("git@h:2222:x/y", "git@h/2222:x/y"),
            ("/srv/repo.git", "/srv/repo"),
            ("1a:b/c", ""),
            ("ssh://git@h:org/x", ""),
            ("https://h/%zz", ""),
            ("https://h:port/x", ""),
        ] {
            assert_eq!(normalize_git_url(url), expected, "{url}");
        }
    }

    #[test]
    fn one_repository_has_many_spellings() {
        let mut map = RepoUrlMap::default();
        map.insert("https://git.example.com/org/repo.git", "/srv/repo");
        for url in [
            "https://GIT.example.com/org/repo",
            "https://git.example.com/org/repo/",
            "https://u:p@git.example.com/org/repo.git",
        ] {
            assert_eq!(map.get(url), Some(Path::new("/srv/repo")), "{url}");
        }
        assert_eq!(map.get("https://git.example.com/org/other"), None);
        assert!(RepoUrlMap::same("git@h:a/b.git", "ssh://git@h/a/b"));
    }

    #[test]
    fn addresses_are_understood_without_keeping_secrets() {
        let base = Path::new("/base");
        let parse = |text: &str| RepoUrl::parse(text, base);
        assert_eq!(parse("../x"), Ok(RepoUrl::Local("/base/../x".into())));
        assert_eq!(parse("file:///a%20b"), Ok(RepoUrl::Local("/a b".into())));
        assert_eq!(parse("file://localhost/a"), Ok(RepoUrl::Local("/a".into())));
        assert_eq!(parse("git@h:a/b"), Ok(RepoUrl::Ssh("git@h:a/b".into())));
        let http = parse("https://me:geheim%21@Git.example.com:8443/x.git").unwrap();
        assert_eq!(http.to_string(), "https://git.example.com:8443/x.git");
        assert!(!format!("{http:?}").contains("geheim"), "{http:?}");
        for text in [
            "-oProxyCommand=x",
            "ext::sh -c id",
            "git://h/x",
            "file://other/x",
            "ssh://-oProxyCommand=x/y",
            "-h:x",
            "https:///x",
            "a\nb",
            "",
        ] {
            assert!(matches!(parse(text), Err(GitError::Unsupported { .. })), "{text:?} was accepted");
        }
    }

    #[test]
    fn credentials_leave_every_url_in_a_text() {
        assert_eq!(redact_url("GET https://u:p@ss@h/x and http://t@h2 failed"), "GET https://h/x and http://h2 failed");
        assert_eq!(redact_url("ssh://git:pw@h/x"), "ssh://git@h/x");
        assert_eq!(redact_url("git@h:x"), "git@h:x");
    }
}
