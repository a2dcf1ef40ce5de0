//! Verify: are the pods ready and calm, does everything stay so, do the probes answer, and where are the ways in?

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::watch::{self, Look, PodWatch};
use super::{Run, Stage, StageDone, StageError, Verb, access_points, probe};
use crate::model::ResourceKey;
use crate::report::{Diagnostic, Severity};

/// Wait between two looks of the soak time.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Longest wait for a probe to answer well.
const PROBING: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verify;

#[async_trait]
impl Stage for Verify {
    fn name(&self) -> &str {
        "verify"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        run.access = access_points::find(&*run.services.cluster, &run.applications).await;
        let ready = run.applications.iter().filter(|app| app.ready()).count();
        let all = run.applications.len();
        let mut extra = String::new();
        if ready == all && all > 0 && !matches!(run.request.verb, Verb::Delete { .. }) {
            extra = look_closer(run).await?;
        }
        let libraries = run.libraries.iter().filter(|library| library.ready).count();
        Ok(StageDone::done(format!(
            "{ready} of {all} applications and {libraries} of {} libraries ready, {} ways in{extra}",
            run.libraries.len(),
            run.access.len()
        )))
    }
}

/// Pods, probes and time, once everything says that it is healthy.
async fn look_closer(run: &Run) -> Result<String, StageError> {
    let options = &run.request.verify;
    let watch = PodWatch::new(&*run.services.cluster, &run.targets, options);
    let first = watch.look().await;
    let mut findings = restless(&first, &BTreeMap::new(), options.max_restarts);
    for url in &options.probes {
        if let Err(reason) = probe::until_good(url, PROBING).await {
            let finding = Diagnostic::new(Severity::Error, "probe-failed", reason);
            findings.push(finding.remedy("the pods are healthy, but the way in does not answer: look at Ingress and Service"));
        }
    }
    if findings.is_empty() && !options.soak.is_zero() {
        findings = soak(run, &watch, &first).await?;
    }
    if findings.is_empty() {
        let probes = if options.probes.is_empty() { String::new() } else { format!(", {} probes good", options.probes.len()) };
        let soaked = if options.soak.is_zero() { String::new() } else { format!(", calm for {:?}", options.soak) };
        return Ok(format!(", {} pods{probes}{soaked}", first.restarts.len()));
    }
    let summary = format!("the verification found {} problems", findings.len());
    Err(StageError { findings, ..StageError::failed(summary) })
}

/// Pods that restarted more often than allowed since `before`.
fn restless(look: &Look, before: &BTreeMap<ResourceKey, (String, u64)>, max: u64) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (key, (application, count)) in &look.restarts {
        let since = count.saturating_sub(before.get(key).map_or(0, |(_, count)| *count));
        let limit = if before.is_empty() { max } else { 0 };
        if since > limit {
            let message = format!("{application}: {key} restarted {since} times");
            let finding = Diagnostic::new(Severity::Error, "restarts", message);
            findings.push(finding.remedy("read its log (kubectl logs --previous); allow more with --max-restarts"));
        }
    }
    findings
}

/// Everything must stay ready, and no pod may restart, for the whole time.
async fn soak(run: &Run, watch: &PodWatch<'_>, first: &Look) -> Result<Vec<Diagnostic>, StageError> {
    let end = Instant::now() + run.request.verify.soak;
    while Instant::now() < end {
        tokio::time::sleep(LOOK_AGAIN.min(end.saturating_duration_since(Instant::now()))).await;
        run.check_lock()?;
        let look = watch.look().await;
        let mut findings = restless(&look, &first.restarts, 0);
        for trouble in &look.troubles {
            findings.push(watch::explain(&*run.services.cluster, trouble).await);
        }
        let comparisons = run.services.driver.compare(&run.targets).await.map_err(StageError::failed)?;
        for (target, comparison) in run.targets.iter().zip(&comparisons) {
            let report = comparison.report(target);
            if !report.ready() {
                let message = format!("{} did not stay healthy: {:?}, {:?}", report.name, report.sync, report.health.status);
                findings.push(Diagnostic::new(Severity::Error, "soak", message));
            }
        }
        if !findings.is_empty() {
            return Ok(findings);
        }
    }
    Ok(Vec::new())
}
