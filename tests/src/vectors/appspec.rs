//! The group `appspec`.

use super::{Case, Outcome};

/// Runs one case.
pub(super) fn run(_case: &Case) -> Outcome {
    Err("not implemented".into())
}
