//! Argo CD's build environment: `$ARGOCD_APP_NAME` and its kin in paths and parameters.

use super::{RenderRequest, Repository};
use crate::model::application::ApplicationSource;

/// The variables of one source.
pub(super) struct Env([(&'static str, String); 9]);

impl Env {
    pub(super) fn new(request: &RenderRequest, source: &ApplicationSource, repository: &Repository) -> Self {
        let revision = repository.revision.as_str();
        let short = |n: usize| revision.get(..n).unwrap_or(revision).to_owned();
        Self([
            ("ARGOCD_APP_NAME", request.app_name.clone()),
            ("ARGOCD_APP_NAMESPACE", request.namespace.clone()),
            ("ARGOCD_APP_PROJECT_NAME", request.project.clone()),
            ("ARGOCD_APP_REVISION", revision.to_owned()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_REPO_URL", repository.url.clone()),
            ("ARGOCD_APP_SOURCE_PATH", source.path.clone()),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", source.target_revision.clone()),
        ])
    }

    /// Replaces `$NAME` and `${NAME}`; unknown names become empty, `$$` becomes `$` (Argo CD's `Env.Envsubst`).
    pub(super) fn substitute(&self, text: &str) -> String {
        expand(text, |name| self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value))
    }
}

/// Go's `os.Expand`, with `$$` for a dollar sign.
fn expand<'v>(text: &str, value: impl Fn(&str) -> &'v str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, length) = name(after);
        match name {
            "$" => out.push('$'),
            // No name follows: the dollar sign stays. Broken syntax (`${}`, `${` without an end) is eaten.
            "" if length == 0 => out.push('$'),
            name => out.push_str(value(name)),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The name after a `$` and how many bytes it takes.
fn name(text: &str) -> (&str, usize) {
    const SPECIAL: &str = "*#$@!?-0123456789";
    let first = |text: &str| text.chars().next().is_some_and(|c| SPECIAL.contains(c));
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(end) => (inner.get(..end).unwrap_or_default(), end + 2),
            None => ("", 1),
        };
    }
    let end =
        if first(text) { 1 } else { text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()) };
    (text.get(..end).unwrap_or_default(), end)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn variables_as_go_expands_them() {
        let cases = [
            ("echo $FOO; ${FOO}; $BAR; ${BAR}; ${FOO", "echo bar; bar; ; ; FOO"),
            ("$$FOO", "$FOO"),
            ("a$", "a$"),
            ("$ x", "$ x"),
            ("$-FOO ${}$1FOO", "FOO FOO"),
            ("${FOO}_$FOO_", "bar_"),
            ("한$FOO글", "한bar글"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, |name| if name == "FOO" { "bar" } else { "" }), expected, "{text}");
        }
    }
}
