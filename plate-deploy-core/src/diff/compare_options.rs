//! `argocd.argoproj.io/compare-options`.

use crate::model::{Manifest, annotations};

/// Whether an annotation that lists options, separated by commas, holds exactly this one.
#[must_use]
pub fn has_option(object: &Manifest, annotation: &str, option: &str) -> bool {
    object.annotation(annotation).is_some_and(|list| list.split(',').any(|entry| entry.trim() == option))
}

/// The comparison options of an Application or of one of its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompareOptions {
    /// `IgnoreExtraneous`: an object that is to be pruned does not make the Application OutOfSync.
    pub ignore_extraneous: bool,
    /// `ServerSideDiff=true` or `ServerSideDiff=false`.
    pub server_side_diff: Option<bool>,
    /// `IncludeMutationWebhook=true`.
    pub include_mutation_webhook: bool,
}

impl CompareOptions {
    /// Reads the annotation; `false` wins over `true`, as in Argo CD.
    #[must_use]
    pub fn of(object: &Manifest) -> Self {
        let has = |option| has_option(object, annotations::COMPARE_OPTIONS, option);
        Self {
            ignore_extraneous: has("IgnoreExtraneous"),
            server_side_diff: match (has("ServerSideDiff=false"), has("ServerSideDiff=true")) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                (false, false) => None,
            },
            include_mutation_webhook: has("IncludeMutationWebhook=true"),
        }
    }
}
