//! What a path and its query ask for.

use std::collections::HashMap;

/// Percent-decodes; invalid sequences stay as they are.
fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(b) = bytes.get(i) {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (b, hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(v)) => {
                out.push(v);
                i += 2;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            _ => out.push(*b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The parameters of a query; of repeated ones the first counts.
#[derive(Debug, Default, Clone)]
pub(super) struct Query(HashMap<String, String>);

impl Query {
    /// Parses a query string.
    #[must_use]
    pub(super) fn parse(text: &str) -> Self {
        let mut out = HashMap::new();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
            out.entry(decode(k, true)).or_insert_with(|| decode(v, true));
        }
        Query(out)
    }

    /// A parameter; empty when absent.
    #[must_use]
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// True for `true`, `1`, and for a parameter without value.
    #[must_use]
    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|v| matches!(v.as_str(), "" | "1" | "true" | "True" | "TRUE" | "t" | "T"))
    }
}

/// A path under `/api` or `/apis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// `/api` or `/apis`.
    Root {
        /// True for `/api`.
        core: bool,
    },
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Version {
        /// Group, empty for core.
        group: String,
        /// Version.
        version: String,
    },
    /// A resource, an object of it, or a subresource of that.
    Resource(ResourcePath),
    /// Something else, with its segments.
    Other(Vec<String>),
}

/// A path to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ResourcePath {
    /// Group, empty for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Namespace, when the path has one.
    pub namespace: Option<String>,
    /// Plural name.
    pub resource: String,
    /// Name of an object; empty for the collection.
    pub name: String,
    /// Subresource; empty for the object itself.
    pub subresource: String,
    /// True for the old `/watch/` paths.
    pub watch: bool,
}

/// Parses a URL path.
#[must_use]
pub(super) fn parse_path(path: &str) -> Path {
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(|s| decode(s, false)).collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api"] => return Path::Root { core: true },
        ["apis"] => return Path::Root { core: false },
        ["apis", group] => return Path::Group((*group).to_owned()),
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Path::Other(segments),
    };
    let (group, version) = (group.to_owned(), version.to_owned());
    let (watch, rest) = match rest {
        [] => return Path::Version { group, version },
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut out = ResourcePath { group, version, watch, ..ResourcePath::default() };
    let rest = match rest {
        // `namespaces/x` is the namespace itself; `namespaces/x/status` its subresource.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => rest,
        ["namespaces", namespace, rest @ ..] => {
            out.namespace = Some((*namespace).to_owned());
            rest
        }
        rest => rest,
    };
    match rest {
        [resource] => out.resource = (*resource).to_owned(),
        [resource, name] => (out.resource, out.name) = ((*resource).to_owned(), (*name).to_owned()),
        [resource, name, sub @ ..] => {
            (out.resource, out.name) = ((*resource).to_owned(), (*name).to_owned());
            out.subresource = sub.join("/");
        }
        [] => return Path::Other(segments),
    }
    Path::Resource(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let of = |p: &str| match parse_path(p) {
            Path::Resource(r) => {
                (r.group, r.version, r.namespace.unwrap_or_default(), r.resource, r.name, r.subresource)
            }
            other => panic!("{other:?}"),
        };
        let t = |a: [&str; 6]| <(String, String, String, String, String, String)>::from(a.map(str::to_owned));
        assert_eq!(of("/api/v1/namespaces/a"), t(["", "v1", "", "namespaces", "a", ""]));
        assert_eq!(of("/api/v1/namespaces/a/status"), t(["", "v1", "", "namespaces", "a", "status"]));
        assert_eq!(of("/api/v1/namespaces/a/pods"), t(["", "v1", "a", "pods", "", ""]));
        assert_eq!(
            of("/apis/apps/v1/namespaces/a/deployments/x/scale"),
            t(["apps", "v1", "a", "deployments", "x", "scale"])
        );
        assert_eq!(
            of("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin"),
            t(["rbac.authorization.k8s.io", "v1", "", "clusterroles", "system:admin", ""])
        );
        for other in ["/", "", "//", "/api/v1/namespaces/%ff/%zz/../..", "/healthz"] {
            let _ = parse_path(other);
        }
        let q = Query::parse("labelSelector=a%3Db%2Cc&watch=1&x");
        assert_eq!((q.get("labelSelector"), q.flag("watch"), q.flag("x"), q.flag("y")), ("a=b,c", true, true, false));
    }
}
