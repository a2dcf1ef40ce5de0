//! `pods/log`: the last lines of a simulated container, from what its status says.

use http::Response;
use serde_json::Value;

use super::Call;
use super::request::ResourcePath;
use super::respond::{self, ResponseBody};
use crate::object::{list, text};
use crate::registry::Resource;
use crate::status::{ApiError, ApiResult};

/// Answers `GET …/pods/NAME/log`.
///
/// # Errors
/// 404 for the pod, 400 for a container that is not there, not chosen, or has not started.
pub(super) fn get(call: &Call, resource: &Resource, path: &ResourcePath) -> ApiResult<Response<ResponseBody>> {
    let namespace = path.namespace.as_deref().unwrap_or_default();
    let pod = call.registry.get(resource, namespace, &path.name)?;
    let name = container(&pod, &path.name, call.query.get("container"))?;
    let status = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|key| list(&pod, &["status", key]))
        .find(|c| text(c, &["name"]) == name);
    let previous = call.query.flag("previous");
    let mut lines = lines(&pod, &path.name, name, status, previous)?;
    if let Ok(tail) = call.query.get("tailLines").parse::<usize>() {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let stamp = text(&pod, &["status", "startTime"]);
    let mut out = String::new();
    for line in lines {
        if call.query.flag("timestamps") {
            out.push_str(stamp);
            out.push(' ');
        }
        out.push_str(&line);
        out.push('\n');
    }
    if let Ok(limit) = call.query.get("limitBytes").parse::<usize>() {
        let end = (0..=limit.min(out.len())).rev().find(|i| out.is_char_boundary(*i)).unwrap_or(0);
        out.truncate(end);
    }
    Ok(respond::text(200, "text/plain", out))
}

/// The container that is asked for, or the only one.
fn container<'a>(pod: &'a Value, pod_name: &str, asked: &str) -> ApiResult<&'a str> {
    let names = |key: &str| list(pod, &["spec", key]).iter().map(|c| text(c, &["name"])).collect::<Vec<_>>();
    let (own, init) = (names("containers"), names("initContainers"));
    if !asked.is_empty() {
        let found = own.iter().chain(&init).find(|n| **n == asked);
        return found
            .copied()
            .ok_or_else(|| ApiError::bad_request(format!("container {asked} is not valid for pod {pod_name}")));
    }
    match own.as_slice() {
        [one] => Ok(one),
        _ => {
            let mut text =
                format!("a container name must be specified for pod {pod_name}, choose one of: [{}]", own.join(" "));
            if !init.is_empty() {
                text.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
            }
            Err(ApiError::bad_request(text))
        }
    }
}

fn lines(pod: &Value, pod_name: &str, name: &str, status: Option<&Value>, previous: bool) -> ApiResult<Vec<String>> {
    let waiting = |why: &str| {
        Err(ApiError::bad_request(format!("container {name:?} in pod {pod_name:?} is waiting to start: {why}")))
    };
    let Some(status) = status else { return waiting("ContainerCreating") };
    let reason = text(status, &["state", "waiting", "reason"]);
    let ended = status["lastState"].get("terminated").is_some();
    match reason {
        "ImagePullBackOff" | "ErrImagePull" => return waiting("trying and failing to pull image"),
        "CrashLoopBackOff" => {}
        "" => {}
        other => return waiting(other),
    }
    if previous && !ended {
        let text = format!("previous terminated container {name:?} in pod {pod_name:?} not found");
        return Err(ApiError::bad_request(text));
    }
    let image = text(status, &["image"]);
    let mut out = vec![format!(
        "simulated: {name} ({image}) started in pod {}/{pod_name}",
        crate::object::meta(pod, "namespace")
    )];
    let failed = [&["state", "terminated", "exitCode"], &["lastState", "terminated", "exitCode"]]
        .iter()
        .any(|path| crate::object::at(status, path.as_slice()).and_then(Value::as_i64).is_some_and(|code| code != 0));
    if failed {
        out.push(format!("simulated: {name}: fatal: the simulation lets this image fail; exit status 1"));
    } else if text(status, &["state", "terminated", "reason"]) == "Completed" {
        out.push(format!("simulated: {name} completed"));
    } else if status["ready"] == true {
        out.push(format!("simulated: {name} is ready"));
    } else {
        out.push(format!("simulated: {name} is not ready yet"));
    }
    Ok(out)
}
