//! Promotion: the image references of one environment, where it is healthy, become another's.

use super::edits::Edit;
use super::preflight::find_environment;
use super::validate::render_all;
use super::{Run, StageError};
use crate::render::Repository;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{Component, DiscoveredComponent, DiscoveredEnvironment, Environment, ImageRequest, Workspace};

/// The edits that copy images from the environment `from`. Components that are named must be healthy there; of the
/// others, those that are not are left out with a finding.
pub(super) async fn edits(
    run: &mut Run,
    workspace: &Workspace,
    to: &DiscoveredEnvironment,
    own: &Repository,
    (from, names): (&str, &[String]),
) -> Result<Vec<Edit>, StageError> {
    let from = find_environment(workspace, from)?;
    if from.name == to.name {
        return Err(StageError::refused(format!("{} cannot be promoted to itself", to.name)));
    }
    let components = components(workspace, (&from, to), names)?;
    let mut edits = Vec::new();
    for component in components {
        if let Some(reason) = unhealthy(run, workspace, own, component, &from).await? {
            let message = format!("{} is not healthy in {}: {reason}", component.name, from.name);
            if !names.is_empty() {
                return Err(StageError::refused(message).remedy("promote what runs; or set its image by hand"));
            }
            run.findings.push(Diagnostic::new(Severity::Warning, "not-promoted", message));
            continue;
        }
        for image in component.images(Some(&from.name)) {
            let mut name = image.name();
            let present = component.images(Some(&to.name)).into_iter().find(|other| other.path == image.path);
            if present.is_some_and(|present| same_but_environment(&name.repository, &present.name().repository, (&from, to))) {
                // Each environment has a registry path of its own: what is promoted is the version.
                name.repository = String::new();
            }
            if name.tag.is_empty() && name.digest.is_empty() {
                continue;
            }
            let request = ImageRequest { path: Some(image.path.to_string()), image: name };
            let found = component.image_edits(Some(&to.name), &request).map_err(StageError::refused)?;
            edits.extend(found.into_iter().map(Edit::Value));
        }
    }
    edits.dedup();
    Ok(edits)
}

/// The components that are meant: those named, else all that are deployed to both environments.
fn components<'a>(
    workspace: &'a Workspace,
    (from, to): (&DiscoveredEnvironment, &DiscoveredEnvironment),
    names: &[String],
) -> Result<Vec<&'a DiscoveredComponent>, StageError> {
    let in_both = |component: &DiscoveredComponent| {
        let environments = component.environments();
        environments.contains(&from.name.as_str()) && environments.contains(&to.name.as_str())
    };
    let known = || -> Vec<&str> {
        workspace.components.iter().filter(|c| in_both(c)).map(|component| component.name.as_str()).collect()
    };
    if names.is_empty() {
        return Ok(workspace.components.iter().filter(|component| in_both(component)).collect());
    }
    let find = |name: &String| {
        workspace.component(name).filter(|component| in_both(component)).ok_or_else(|| {
            StageError::refused(format!("{name:?} is no component of both {} and {}", from.name, to.name))
                .remedy(format!("components of both: {}", known().join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Whether two repositories differ in nothing but the parts that name their environments:
/// `harbor/stg/web` and `harbor/prod/web`.
fn same_but_environment(
    left: &str,
    right: &str,
    (from, to): (&DiscoveredEnvironment, &DiscoveredEnvironment),
) -> bool {
    let names = |part: &str, environment: &DiscoveredEnvironment| environment.aliases().contains(&part);
    let (left, right): (Vec<&str>, Vec<&str>) = (left.split('/').collect(), right.split('/').collect());
    left.len() == right.len()
        && left.iter().zip(&right).all(|(a, b)| a == b || (names(a, from) && names(b, to)))
}

/// Why a component is not Synced and Healthy in an environment; `None` when it is.
async fn unhealthy(
    run: &Run,
    workspace: &Workspace,
    own: &Repository,
    component: &DiscoveredComponent,
    from: &DiscoveredEnvironment,
) -> Result<Option<String>, StageError> {
    let names = component.applications(Some(&from.name));
    let applications: Vec<_> =
        names.iter().filter_map(|name| workspace.application(name)).map(|a| a.source.object.clone()).collect();
    let rendered = render_all(&run.services, own, &applications).await?;
    if let Some(broken) = rendered.broken.first() {
        return Ok(Some(broken.problems.first().map_or_else(|| "it cannot be rendered".into(), |p| p.message.clone())));
    }
    let driver = run.services.safety.promote_from.as_ref().unwrap_or(&run.services.driver);
    let comparisons = driver.compare(&rendered.targets).await.map_err(StageError::failed)?;
    let reports = rendered.targets.iter().zip(&comparisons).map(|(target, found)| found.report(target));
    Ok(reports
        .filter(|report| !report.ready())
        .map(|report| format!("{} is {:?}, {:?}", report.name, report.sync, report.health.status))
        .next())
}
