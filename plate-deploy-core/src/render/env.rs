//! Argo CD's build environment: `$ARGOCD_APP_NAME` and its kin in paths and parameters.

use super::{RenderRequest, Repository};
use crate::model::application::ApplicationSource;

/// The variables of one source.
pub(super) struct Env<'a>(Vec<(&'static str, std::borrow::Cow<'a, str>)>);

impl<'a> Env<'a> {
    pub(super) fn new(request: &'a RenderRequest, source: &ApplicationSource, repository: &'a Repository) -> Self {
        let revision = repository.revision.as_str();
        let short = |n: usize| revision.get(..n).unwrap_or(revision).into();
        Self(vec![
            ("ARGOCD_APP_NAME", request.app_name.as_str().into()),
            ("ARGOCD_APP_NAMESPACE", request.namespace.as_str().into()),
            ("ARGOCD_APP_PROJECT_NAME", request.project.as_str().into()),
            ("ARGOCD_APP_REVISION", revision.into()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_REPO_URL", repository.url.as_str().into()),
            ("ARGOCD_APP_SOURCE_PATH", source.path.clone().into()),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", source.target_revision.clone().into()),
        ])
    }

    /// Replaces `$NAME` and `${NAME}`; unknown names become empty, `$$` becomes `$` (Argo CD's `Env.Envsubst`).
    pub(super) fn substitute(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let (name, length) = match rest.as_bytes().first() {
                Some(b'$') => {
                    out.push('$');
                    rest = &rest[1..];
                    continue;
                }
                Some(b'{') => match rest.find('}') {
                    Some(end) => (&rest[1..end], end + 1),
                    None => ("", 0),
                },
                _ => {
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                    (&rest[..end], end)
                }
            };
            if length == 0 {
                out.push('$');
                continue;
            }
            rest = &rest[length..];
            let value = self.0.iter().find(|(known, _)| *known == name);
            out.push_str(value.map_or("", |(_, value)| value));
        }
        out.push_str(rest);
        out
    }
}
