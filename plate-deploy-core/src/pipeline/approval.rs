//! Who says yes to a plan.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::report::DeployPlan;

/// Asked once per deploy, with exactly the plan that would be carried out; again when the plan has to change after that.
#[async_trait]
pub trait Approver: Debug + Send + Sync {
    /// Whether to go on. `must_type` is the word a person has to type (production, deletions), or `None` when a plain look
    /// at the plan is enough (staging).
    async fn approve(&self, plan: &DeployPlan, must_type: Option<&str>) -> Approval;
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Go on.
    Yes,
    /// Do not, for this reason.
    No(String),
}

/// Says yes where no typed word is needed, and no elsewhere: the default for programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApproveUnguarded;

#[async_trait]
impl Approver for ApproveUnguarded {
    async fn approve(&self, _: &DeployPlan, must_type: Option<&str>) -> Approval {
        match must_type {
            None => Approval::Yes,
            Some(word) => Approval::No(format!("{word} needs an explicit approval")),
        }
    }
}

/// Says yes to everything: for tests, and for callers that asked already.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApproveAll;

#[async_trait]
impl Approver for ApproveAll {
    async fn approve(&self, _: &DeployPlan, _: Option<&str>) -> Approval {
        Approval::Yes
    }
}

/// Says yes to the plan with this digest and to no other: what was looked at is what is done.
#[derive(Clone, Debug)]
pub struct ApproveDigest {
    digest: String,
    /// Asked besides; `None`: the digest is enough.
    also: Option<Arc<dyn Approver>>,
}

impl ApproveDigest {
    /// The digest is the approval.
    pub fn new(digest: impl Into<String>) -> Self {
        Self { digest: digest.into(), also: None }
    }

    /// The digest must fit, and this approver must say yes, too.
    #[must_use]
    pub fn and(mut self, also: Arc<dyn Approver>) -> Self {
        self.also = Some(also);
        self
    }
}

#[async_trait]
impl Approver for ApproveDigest {
    async fn approve(&self, plan: &DeployPlan, must_type: Option<&str>) -> Approval {
        let digest = plan.digest();
        if digest != self.digest {
            return Approval::No(format!(
                "the plan has changed: {} was approved, it is {digest} now; look at the new plan",
                self.digest
            ));
        }
        match &self.also {
            None => Approval::Yes,
            Some(also) => also.approve(plan, must_type).await,
        }
    }
}
