//! What a revision may look like, and in which order it is looked up.

use plate_deploy_helm::sprig::semver::{Constraint, Version};

use super::error::GitError;
use super::types::CommitId;

/// A checked revision: a name and the steps from it to the commit meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Revision {
    /// Reference name, commit id or its beginning; `HEAD` for `""`.
    pub(super) base: String,
    /// `~N` and `^N`, left to right.
    pub(super) steps: Vec<Step>,
}

/// One step back in history.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Step {
    /// `~N`: the N-th first parent.
    Ancestor(usize),
    /// `^N`: the N-th parent; 0 is the commit itself.
    Parent(usize),
}

/// Longest revision, and most steps in it; beyond that nobody means a revision.
const MAX_LENGTH: usize = 1024;

/// Shortest abbreviated commit id: Argo CD's rule for a truncated SHA.
const MIN_ABBREVIATION: usize = 7;

impl Revision {
    /// Reads and checks a revision.
    pub(super) fn parse(text: &str) -> Result<Self, GitError> {
        let refuse = |reason: &str| refuse(text, reason);
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 1024 bytes"));
        }
        let split = text.find(['~', '^']).unwrap_or(text.len());
        let (base, mut rest) = text.split_at(split);
        let base = if base.is_empty() && rest.is_empty() { "HEAD" } else { base };
        check_name(text, base)?;
        let mut steps = Vec::new();
        while let Some(sign) = rest.chars().next() {
            let digits: String = rest.chars().skip(1).take_while(char::is_ascii_digit).collect();
            let count = if digits.is_empty() { Ok(1) } else { digits.parse::<u16>() };
            let count = usize::from(count.map_err(|_| refuse("the number after `~` or `^` is too large"))?);
            steps.push(match sign {
                '~' => Step::Ancestor(count),
                '^' => Step::Parent(count),
                _ => return Err(refuse("only `~N` and `^N` may follow a name")),
            });
            rest = &rest[1 + digits.len()..];
        }
        Ok(Self { base: base.to_owned(), steps })
    }

    /// The full commit id that the base is, if it is one.
    pub(super) fn full_id(&self) -> Option<CommitId> {
        self.base.to_ascii_lowercase().parse().ok()
    }

    /// The beginning of a commit id that the base may be, in lower case.
    pub(super) fn abbreviation(&self) -> Option<String> {
        let hex = self.base.chars().all(|c| c.is_ascii_hexdigit());
        (hex && (MIN_ABBREVIATION..40).contains(&self.base.len())).then(|| self.base.to_ascii_lowercase())
    }

    /// Full reference names to try, in order: branches before tags as Argo CD does (Git prefers tags), then the remote's
    /// branches.
    pub(super) fn references(&self, remote: Option<&str>) -> Vec<String> {
        let base = &self.base;
        if base == "HEAD" || base.starts_with("refs/") {
            return vec![base.clone()];
        }
        let mut names = vec![format!("refs/heads/{base}"), format!("refs/tags/{base}")];
        names.extend(remote.map(|remote| format!("refs/remotes/{remote}/{base}")));
        names.push(format!("refs/remotes/{base}"));
        names
    }
}

/// The highest tag that satisfies a version constraint (Argo CD's `versions.MaxVersion`, v3.6); `None` when the revision
/// is a version or no constraint, or when no tag satisfies it. An exact version is only then a tag when a prefix is to be
/// put before it.
pub(super) fn highest_tag<'a>(revision: &str, tags: impl Iterator<Item = &'a str>, prefix: &str) -> Option<String> {
    if Version::parse(revision).is_ok() {
        return Some(format!("{prefix}{revision}")).filter(|_| !prefix.is_empty());
    }
    let constraint = Constraint::parse(revision).ok()?;
    let versions = tags.filter_map(|tag| tag.strip_prefix(prefix)).filter_map(|tag| Version::parse(tag).ok());
    let zero = Version::parse("0.0.0").ok()?;
    // Of equal versions (`1.0.0` and `v1.0.0`) the first one stays, and 0.0.0 itself never counts, as there.
    let highest = versions
        .filter(|version| constraint.check(version))
        .fold(zero, |highest, version| if version.compare(&highest).is_gt() { version } else { highest });
    Some(format!("{prefix}{}", highest.original())).filter(|_| highest.original() != "0.0.0")
}

/// Checks a short branch name.
pub(super) fn check_branch(branch: &str) -> Result<(), GitError> {
    if branch == "HEAD" || branch.starts_with("refs/") {
        return Err(refuse(branch, "a branch is named without `refs/heads/`, and `HEAD` is no branch"));
    }
    check_name(branch, branch)
}

/// The rules of `git check-ref-format`, and no `-` in front (it would be an option to any Git program).
fn check_name(text: &str, name: &str) -> Result<(), GitError> {
    let bad_char = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let reason = if name.is_empty() {
        "the name is empty"
    } else if name.starts_with('-') {
        "it begins with `-`"
    } else if name.contains(bad_char) {
        "it holds a space, a control character or one of ~ ^ : ? * [ \\"
    } else if name.contains("..") || name.contains("@{") || name == "@" {
        "it holds `..` or `@{`, or is `@`"
    } else if name.starts_with('/') || name.ends_with('/') || name.contains("//") || name.ends_with('.') {
        "it has an empty part or ends in `/` or `.`"
    } else if name.split('/').any(|part| part.starts_with('.') || part.ends_with(".lock")) {
        "a part begins with `.` or ends in `.lock`"
    } else {
        return Ok(());
    };
    Err(refuse(text, reason))
}

fn refuse(revision: &str, reason: &str) -> GitError {
    GitError::InvalidRevision { revision: revision.chars().take(200).collect(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injections_and_malformed_names_are_refused() {
        for text in [
            "-x",
            "--upload-pack=touch /tmp/p",
            "-oProxyCommand=x",
            "a b",
            "a..b",
            "@{-1}",
            "@",
            "a:b",
            "x\ny",
            "a//b",
            "/a",
            "a/",
            "a.lock",
            "a/.b",
            "a.",
            "a\\b",
            "a*",
            "~1",
            "^",
            "main~1x",
            "main~99999",
            "main^{tree}",
        ] {
            assert!(Revision::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(check_branch("refs/heads/main").is_err() && check_branch("HEAD").is_err() && check_branch("").is_err());
    }

    #[test]
    fn constraints_choose_the_highest_tag() {
        let tags = ["v1.0.0", "v1.2.0", "1.2.0", "v1.10.1", "v2.0.0-rc.1", "app-3.0.0", "app-3.1.0", "latest"];
        for (revision, prefix, expected) in [
            ("1.x", "", Some("v1.10.1")),
            (">=1.0.0 <1.5", "", Some("v1.2.0")),
            ("*", "", Some("v1.10.1")),
            (">=2.0.0-0", "", Some("v2.0.0-rc.1")),
            ("3.x", "", None),
            ("3.x", "app-", Some("app-3.1.0")),
            ("3.0.0", "app-", Some("app-3.0.0")),
            ("v1.0.0", "", None),
            ("1.2", "", None),
            ("main", "", None),
            ("", "", None),
        ] {
            assert_eq!(highest_tag(revision, tags.into_iter(), prefix).as_deref(), expected, "{revision:?}");
        }
    }

    #[test]
    fn names_and_steps_are_read() {
        let parsed = |text: &str| Revision::parse(text).unwrap();
        assert_eq!(parsed(""), Revision { base: "HEAD".into(), steps: vec![] });
        let steps = vec![Step::Ancestor(2), Step::Parent(1), Step::Parent(0)];
        assert_eq!(parsed("release/1.0~2^^0"), Revision { base: "release/1.0".into(), steps });
        assert_eq!(parsed("ABCDEF1").abbreviation().as_deref(), Some("abcdef1"));
        assert_eq!(parsed("abcdef").abbreviation(), None);
        assert_eq!(parsed(&"A".repeat(40)).full_id().unwrap().to_string(), "a".repeat(40));
        assert_eq!(
            parsed("v1").references(Some("origin")),
            ["refs/heads/v1", "refs/tags/v1", "refs/remotes/origin/v1", "refs/remotes/v1"]
        );
    }
}
