//! Who may do what: RBAC, as kube-apiserver evaluates it.
//!
//! The client of an embedded cluster is its administrator (`system:masters`); who impersonates another user is held to
//! that user's roles. The roles every cluster has come from kube-apiserver's own policy ([`bootstrap`]).

mod bootstrap;
mod review;
mod rules;

use serde_json::Value;

pub(super) use bootstrap::run as bootstrap;

use super::Registry;
use crate::object::{list, meta, text};
use crate::status::{ApiError, Target};
use crate::storage::Key;

const GROUP: &str = "rbac.authorization.k8s.io";

/// A user, as a request is authenticated or impersonates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name; `system:serviceaccount:NAMESPACE:NAME` of service accounts.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
}

impl User {
    /// The administrator that every client of the embedded API is.
    #[must_use]
    pub fn admin() -> Self {
        User { name: "admin".to_owned(), groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()] }
    }

    /// The user that an impersonating request acts as: service accounts and authenticated users are in their groups.
    #[must_use]
    pub fn impersonated(name: &str, mut groups: Vec<String>) -> Self {
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        if let (Some((namespace, _)), true) = (account, groups.is_empty()) {
            groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        }
        let own = if name == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" };
        if !groups.iter().any(|g| g == own || g == "system:unauthenticated") {
            groups.push(own.to_owned());
        }
        User { name: name.to_owned(), groups }
    }

    fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == "system:masters")
    }
}

/// What a request wants to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, … or the lower-case HTTP method for other paths.
    pub verb: String,
    /// API group.
    pub group: String,
    /// Plural name; empty for a path that is no resource.
    pub resource: String,
    /// Subresource.
    pub subresource: String,
    /// Name of the object.
    pub name: String,
    /// Namespace; empty for all and for cluster-wide objects.
    pub namespace: String,
    /// The path, where it is no resource.
    pub path: String,
}

/// The answer of the authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, in kube-apiserver's words; empty when there is nothing to say.
    pub reason: String,
}

impl Registry {
    /// Evaluates RBAC.
    #[must_use]
    pub fn authorize(&self, user: &User, attributes: &Attributes) -> Decision {
        if user.is_master() {
            return Decision { allowed: true, reason: String::new() };
        }
        let mut missing = Vec::new();
        for grant in self.grants(user, &attributes.namespace) {
            match &grant.rules {
                Ok(rules) if rules.iter().any(|rule| rules::allows(rule, attributes)) => {
                    return Decision { allowed: true, reason: grant.reason };
                }
                Ok(_) => {}
                Err(error) => missing.push(error.clone()),
            }
        }
        let reason = match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            many => format!("RBAC: [{}]", many.join(", ")),
        };
        Decision { allowed: false, reason }
    }

    /// Refuses what the user may not do.
    ///
    /// # Errors
    /// 403 in kube-apiserver's words.
    pub fn check_access(&self, user: &User, a: &Attributes) -> Result<(), ApiError> {
        let decision = self.authorize(user, a);
        if decision.allowed {
            return Ok(());
        }
        let why = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
        if a.resource.is_empty() {
            let message = format!("forbidden: User {:?} cannot {} path {:?}{why}", user.name, a.verb, a.path);
            return Err(ApiError { message, ..ApiError::forbidden(Target { group: "", resource: "" }, "", "") });
        }
        let resource =
            if a.subresource.is_empty() { a.resource.clone() } else { format!("{}/{}", a.resource, a.subresource) };
        let place = if a.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", a.namespace)
        };
        let text = format!(
            "User {:?} cannot {} resource {resource:?} in API group {:?} {place}{why}",
            user.name, a.verb, a.group
        );
        Err(ApiError::forbidden(Target { group: &a.group, resource: &a.resource }, &a.name, &text))
    }

    /// What bindings give a user, in a namespace and cluster-wide.
    fn grants(&self, user: &User, namespace: &str) -> Vec<Grant> {
        let mut out = Vec::new();
        let mut kinds = vec![("clusterrolebindings", None)];
        if !namespace.is_empty() {
            kinds.push(("rolebindings", Some(namespace)));
        }
        for (plural, scope) in kinds {
            for (_, binding) in self.store().list(&format!("{plural}.{GROUP}"), scope).1 {
                let binding = binding.object;
                let subjects = list(&binding, &["subjects"]);
                if let Some(subject) = subjects.iter().find(|s| is_subject(s, user, scope.unwrap_or_default())) {
                    out.push(self.grant(&binding, subject));
                }
            }
        }
        out
    }

    fn grant(&self, binding: &Value, subject: &Value) -> Grant {
        let (namespace, name) = (meta(binding, "namespace"), meta(binding, "name"));
        let (kind, role) = (text(binding, &["roleRef", "kind"]), text(binding, &["roleRef", "name"]));
        let key = match kind {
            "ClusterRole" => Key::new(&format!("clusterroles.{GROUP}"), "", role),
            _ => Key::new(&format!("roles.{GROUP}"), namespace, role),
        };
        let lower = kind.to_lowercase();
        let found = self.store().get(&key).map(|stored| list(&stored.object, &["rules"]).to_vec());
        let binding_name = if namespace.is_empty() {
            format!("ClusterRoleBinding {name:?}")
        } else {
            format!("RoleBinding {:?}", format!("{name}/{namespace}"))
        };
        let (subject_kind, mut subject_name) = (text(subject, &["kind"]), text(subject, &["name"]).to_owned());
        if subject_kind == "ServiceAccount" {
            subject_name = format!("{subject_name}/{}", text(subject, &["namespace"]));
        }
        Grant {
            rules: found.ok_or_else(|| format!("{lower}.{GROUP} {role:?} not found")),
            reason: format!("RBAC: allowed by {binding_name} of {kind} {role:?} to {subject_kind} {subject_name:?}"),
        }
    }
}

/// The rules of one binding.
struct Grant {
    rules: Result<Vec<Value>, String>,
    reason: String,
}

fn is_subject(subject: &Value, user: &User, namespace: &str) -> bool {
    let name = text(subject, &["name"]);
    match text(subject, &["kind"]) {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|g| g == name),
        "ServiceAccount" => {
            let own = text(subject, &["namespace"]);
            let own = if own.is_empty() { namespace } else { own };
            !own.is_empty() && user.name == format!("system:serviceaccount:{own}:{name}")
        }
        _ => false,
    }
}
