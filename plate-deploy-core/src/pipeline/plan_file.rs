//! A plan in a file: shown to people, approved, and carried out only if it is still the plan.

use serde::{Deserialize, Serialize};

use super::DeployRequest;
use crate::report::DeployPlan;

/// A request with the plan that was made for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanFile {
    /// Version of the format.
    pub version: u32,
    /// The plan's digest.
    pub digest: String,
    /// What was asked for.
    pub request: DeployRequest,
    /// What it would change.
    pub plan: DeployPlan,
}

/// Why a plan file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFileError {
    /// It is no plan file, or one of a newer version.
    #[error("not a plan file of version {}: {reason}; make one with `plan --out FILE`", PlanFile::VERSION)]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// Plan and digest do not belong together.
    #[error("the plan in the file has the digest {found}, the file says {said}: somebody changed it; make a new one")]
    Changed {
        /// The digest that the plan has.
        found: String,
        /// The digest that the file says.
        said: String,
    },
}

impl PlanFile {
    /// Version of the format written today.
    pub const VERSION: u32 = 1;

    /// Of a request and its plan.
    #[must_use]
    pub fn new(request: DeployRequest, plan: DeployPlan) -> Self {
        let request = DeployRequest { dry_run: false, id: String::new(), ..request };
        Self { version: Self::VERSION, digest: plan.digest(), request, plan }
    }

    /// The file's text. Values of Secrets are masked in it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`PlanFileError`].
    pub fn parse(text: &str) -> Result<Self, PlanFileError> {
        let file: Self =
            serde_json::from_str(text).map_err(|e| PlanFileError::Unreadable { reason: e.to_string() })?;
        if file.version > Self::VERSION {
            return Err(PlanFileError::Unreadable { reason: format!("it is of version {}", file.version) });
        }
        let found = file.plan.digest();
        if found == file.digest { Ok(file) } else { Err(PlanFileError::Changed { found, said: file.digest }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_is_refused() {
        let plan = DeployPlan {
            environment: "production".into(),
            cluster: "c".into(),
            revision: "r".into(),
            files: Vec::new(),
            libraries: Vec::new(),
            applications: Vec::new(),
        };
        let text = PlanFile::new(DeployRequest::new("production").image("web", ":2"), plan).to_json();
        assert_eq!(PlanFile::parse(&text).unwrap().request.images.len(), 1);
        let other = text.replace("\"revision\": \"r\"", "\"revision\": \"s\"");
        assert!(matches!(PlanFile::parse(&other), Err(PlanFileError::Changed { .. })));
        assert!(matches!(PlanFile::parse("{}"), Err(PlanFileError::Unreadable { .. })));
    }
}
