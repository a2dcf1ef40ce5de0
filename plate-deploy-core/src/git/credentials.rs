//! Credentials that are bound to one host and never printed.

use std::fmt;

/// User and password for one host. They are offered to that host only, never after a redirect to another one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    host: String,
    username: String,
    password: String,
}

impl Credentials {
    /// User and password; `host` is `name` or `name:port`, as in the address.
    #[must_use]
    pub fn basic(host: &str, username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { host: host.to_ascii_lowercase(), username: username.into(), password: password.into() }
    }

    /// An access token, sent as the password of the user `x-access-token` (GitHub, GitLab, Gitea and Bitbucket take it so).
    #[must_use]
    pub fn token(host: &str, token: impl Into<String>) -> Self {
        Self::basic(host, "x-access-token", token)
    }

    /// Whether they are for this host (`name` or `name:port`).
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    /// User and password.
    pub(super) fn expose(&self) -> (&str, &str) {
        (&self.username, &self.password)
    }

    /// The text with the password removed, wherever it stands.
    pub(super) fn redact(&self, text: &str) -> String {
        let plain = if self.password.len() < 4 { text.to_owned() } else { text.replace(&self.password, "[redacted]") };
        super::url::redact_url(&plain).into_owned()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("host", &self.host).field("secret", &"[redacted]").finish_non_exhaustive()
    }
}
