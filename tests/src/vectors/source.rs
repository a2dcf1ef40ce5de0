//! The group `source`: from the files of a repository and a source to manifests.

use std::collections::BTreeMap;

use plate_deploy_core::files::{File, RepoFiles};
use plate_deploy_core::model::Manifest;
use plate_deploy_core::model::application::ApplicationSource;
use plate_deploy_core::render::{NativeRenderer, RenderError, RenderRequest, Rendered, Repository};
use plate_deploy_core::tracking::{Tracker, TrackingMethod};
use serde_json::{Value, json};

use super::{Case, Outcome, decode, same};

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    let request = request(&case.input)?;
    let rendered = NativeRenderer::default().render_blocking(&request);
    let error = case.expect.get("error").and_then(Value::as_str);
    match (rendered, error) {
        (Ok(rendered), None) => compare(case, &rendered),
        (Ok(_), Some(error)) => Err(format!("it renders, but should fail: {error}")),
        (Err(got), None) => Err(format!("error: {got}")),
        // What this library refuses on principle fails for another reason than in Argo CD.
        (Err(RenderError::Unsupported(_)), Some(_)) => Ok(()),
        (Err(got), Some(want)) => same_error(&got.to_string(), want),
    }
}

fn request(input: &Value) -> Result<RenderRequest, String> {
    let url: String = decode(input, "repoURL")?;
    let revision: String = decode(input, "revision")?;
    let source: ApplicationSource = decode(input, "source")?;
    let method: String = decode(input, "trackingMethod")?;
    let repository = |url: String, files| Repository { url, files, revision: revision.clone() };
    let refs: Option<BTreeMap<String, BTreeMap<String, String>>> = decode(input, "refs")?;
    let others = refs.unwrap_or_default().into_iter().map(|(name, contents)| {
        let reference = name.trim_start_matches('$').to_owned();
        let url = format!("https://git.example.com/{reference}");
        (ApplicationSource { repo_url: url.clone(), reference, ..Default::default() }, repository(url, files(contents)))
    });
    let others: Vec<_> = others.collect();
    let mut sources = vec![(source, repository(url, files(decode(input, "files")?)))];
    sources.extend(others);
    Ok(RenderRequest {
        seed: None,
        app_name: decode(input, "appName")?,
        project: decode(input, "project")?,
        namespace: decode(input, "namespace")?,
        sources,
        kube_version: decode(input, "kubeVersion")?,
        api_versions: decode(input, "apiVersions")?,
        tracker: Tracker { method: TrackingMethod::parse(&method), ..Tracker::default() },
    })
}

fn files(contents: BTreeMap<String, String>) -> RepoFiles {
    RepoFiles::new(contents.into_iter().map(|(path, content)| {
        let file = match content.strip_prefix("symlink:") {
            Some(target) => File::Symlink(target.into()),
            None => File::Blob(content.into()),
        };
        (path, file)
    }))
}

fn compare(case: &Case, rendered: &Rendered) -> Outcome {
    let source_type = rendered.source_types.first().map(ToString::to_string);
    same("sourceType", &json!(source_type), case.expect.get("sourceType").unwrap_or(&Value::Null))?;
    let manifests: Vec<&Value> = rendered.manifests.iter().map(Manifest::value).collect();
    same("manifests", &json!(manifests), case.expect.get("manifests").unwrap_or(&json!([])))
}

/// Where a recorded error stops being comparable: temporary folders, the command line and the output of the helm
/// binary, the words of Go's YAML and JSON libraries, and of the oracle's own stat of the folder.
const INCOMPARABLE: [&str; 9] = [
    "<repo>",
    "<ref>",
    "<outside>",
    "failed running helm",
    "error converting YAML to JSON",
    "json: ",
    "error getting app source type: lstat",
    "failed to get annotations",
    "failed to get labels",
];

/// The words before anything that another machine or library would say otherwise must be the same.
fn same_error(got: &str, want: &str) -> Outcome {
    let want = want.strip_prefix("rpc error: code = FailedPrecondition desc = ").unwrap_or(want);
    let end = INCOMPARABLE.iter().filter_map(|mark| want.find(mark)).min().unwrap_or(want.len());
    let lead = want.get(..end).unwrap_or_default();
    let lead = lead.strip_suffix("error getting app source type: ").unwrap_or(lead).trim_end_matches('"');
    if got.starts_with(lead) { Ok(()) } else { Err(format!("error: got {got:?}, want {want:?}")) }
}
