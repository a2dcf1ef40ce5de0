//! Whether a policy rule covers a request.

use serde_json::Value;

use super::Attributes;
use crate::object::list;

fn has(rule: &Value, key: &str, matches: impl Fn(&str) -> bool) -> bool {
    list(rule, &[key]).iter().filter_map(Value::as_str).any(matches)
}

/// True when the rule allows the request.
pub(super) fn allows(rule: &Value, a: &Attributes) -> bool {
    if !has(rule, "verbs", |v| v == "*" || v == a.verb) {
        return false;
    }
    if a.resource.is_empty() {
        return has(rule, "nonResourceURLs", |url| match url.strip_suffix('*') {
            Some(prefix) => a.path.starts_with(prefix),
            None => url == a.path,
        });
    }
    let resource = |r: &str| {
        if a.subresource.is_empty() {
            return r == "*" || r == a.resource;
        }
        r == "*"
            || r.split_once('/').is_some_and(|(main, sub)| (main == "*" || main == a.resource) && sub == a.subresource)
    };
    let names = list(rule, &["resourceNames"]);
    has(rule, "apiGroups", |g| g == "*" || g == a.group)
        && has(rule, "resources", resource)
        && (names.is_empty() || names.iter().any(|n| n == a.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_cover_what_kubernetes_says() {
        let rule = json!({"apiGroups": ["apps"], "resources": ["deployments", "*/scale"], "verbs": ["get", "patch"],
            "resourceNames": ["a"]});
        let ask = |verb: &str, resource: &str, sub: &str, name: &str| Attributes {
            verb: verb.into(),
            group: "apps".into(),
            resource: resource.into(),
            subresource: sub.into(),
            name: name.into(),
            ..Attributes::default()
        };
        for (request, allowed) in [
            (ask("get", "deployments", "", "a"), true),
            (ask("get", "deployments", "", "b"), false),
            (ask("get", "deployments", "", ""), false),
            (ask("get", "deployments", "status", "a"), false),
            (ask("patch", "statefulsets", "scale", "a"), true),
            (ask("delete", "deployments", "", "a"), false),
            (Attributes { group: String::new(), ..ask("get", "deployments", "", "a") }, false),
        ] {
            assert_eq!(allows(&rule, &request), allowed, "{request:?}");
        }
        let urls = json!({"nonResourceURLs": ["/metrics", "/api/*"], "verbs": ["get"]});
        for (path, allowed) in [("/metrics", true), ("/metrics/x", false), ("/api/v1", true), ("/apis", false)] {
            let request = Attributes { verb: "get".into(), path: path.into(), ..Attributes::default() };
            assert_eq!(allows(&urls, &request), allowed, "{path}");
        }
    }
}
