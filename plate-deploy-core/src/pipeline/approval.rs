//! Who says yes to a plan.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::report::DeployPlan;

/// Asked once per deploy, with exactly the plan that would be carried out.
#[async_trait]
pub trait Approver: Debug + Send + Sync {
    /// Whether to go on. `must_type` is the word a person has to type (production), or `None` when a plain look at the
    /// plan is enough (staging).
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
