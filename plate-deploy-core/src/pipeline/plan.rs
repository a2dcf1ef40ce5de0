//! Plan: everything that would change, per object, before anything changes.

use async_trait::async_trait;

use super::validate::render_all;
use super::{Run, Stage, StageDone, StageError, library_application};
use crate::driver::{Comparison, Target};
use crate::report::{ApplicationPlan, ApplicationReport, DeployPlan, Event};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan;

#[async_trait]
impl Stage for Plan {
    fn name(&self) -> &str {
        "plan"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let prepared = run.prepared()?;
        let repo_url = prepared.workspace.repo_url.clone();
        let libraries: Vec<_> = prepared
            .selection
            .libraries
            .iter()
            .flat_map(|layer| &layer.libraries)
            .map(|library| library_application(library, &repo_url))
            .collect();
        let (environment, files) = (prepared.environment.name.clone(), prepared.changes.clone());
        let revision = run.revision.clone();
        let own = run.prepared()?.repository(&run.revision);
        let rendered = render_all(&run.services, &own, &libraries).await?;
        let mut library_plans = compare(run, &rendered.targets).await?;
        library_plans.extend(rendered.broken.iter().map(unplannable));
        let mut application_plans = compare(run, &run.targets).await?;
        application_plans.extend(run.applications.iter().map(unplannable));
        let plan = DeployPlan {
            environment,
            cluster: run.services.cluster.name().into(),
            revision,
            files,
            libraries: library_plans,
            applications: application_plans,
        };
        let summary = if plan.is_empty() {
            "nothing to change".to_owned()
        } else {
            format!(
                "{} edits in Git, {} objects to change (digest {})",
                plan.files.len(),
                plan.changes().count(),
                plan.digest()
            )
        };
        run.report(&Event::Planned { plan: Box::new(plan.clone()) });
        run.plan = Some(plan);
        Ok(StageDone::done(summary))
    }
}

async fn compare(run: &Run, targets: &[Target]) -> Result<Vec<ApplicationPlan>, StageError> {
    let comparisons = run.services.driver.compare(targets).await.map_err(StageError::failed)?;
    Ok(targets.iter().zip(comparisons).map(|(target, comparison)| plan_of(target, &comparison)).collect())
}

fn plan_of(target: &Target, comparison: &Comparison) -> ApplicationPlan {
    let policy = target.application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    let changes = comparison.changes(policy.is_some_and(|automated| automated.prunes()));
    // Hooks run with a sync only; without other changes there is none.
    let only_hooks = changes.iter().all(|change| change.action == crate::report::Action::Hook);
    ApplicationPlan {
        name: target.name().into(),
        namespace: target.namespace().into(),
        resources: comparison.resources.len(),
        changes: if only_hooks { Vec::new() } else { changes },
        problems: comparison.problems.clone(),
    }
}

fn unplannable(report: &ApplicationReport) -> ApplicationPlan {
    ApplicationPlan {
        name: report.name.clone(),
        namespace: report.namespace.clone(),
        resources: 0,
        changes: Vec::new(),
        problems: report.problems.clone(),
    }
}
