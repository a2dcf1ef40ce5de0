//! Access reviews: resources that answer a question and store nothing.

use serde_json::{Value, json};

use super::{Attributes, Decision, User};
use crate::object::{at, list, meta, remove_meta, set_meta, text};
use crate::registry::write::Place;
use crate::registry::{Body, Registry, Resource, WriteOptions, decode};
use crate::status::{ApiError, ApiResult, FieldError, Target};

impl Registry {
    /// The answer to a review; `None` when the resource is not one.
    ///
    /// # Errors
    /// 400, 422.
    pub fn review(
        &self,
        resource: &Resource,
        namespace: &str,
        user: &User,
        body: Body,
        options: &WriteOptions,
    ) -> ApiResult<Option<Value>> {
        let name = resource.builtin_name().split('.').next().unwrap_or_default();
        let group = resource.info.group.as_str();
        if !matches!(group, "authorization.k8s.io" | "authentication.k8s.io") {
            return Ok(None);
        }
        let mut object = decode::body(resource, body.value, body.duplicates, options, &mut Vec::new())?;
        match name {
            "selfsubjectreviews" => {
                set_meta(&mut object, "creationTimestamp", self.now());
                object["status"] = json!({"userInfo": {"username": user.name, "groups": user.groups}});
            }
            "selfsubjectrulesreviews" => {
                object["status"] = self.rules_of(user, text(&object, &["spec", "namespace"]));
                object["spec"] = json!({});
            }
            "selfsubjectaccessreviews" | "subjectaccessreviews" | "localsubjectaccessreviews" => {
                let place = Place { resource, namespace, name: "", subresource: "" };
                self.own_fields(place, &mut object, options);
                check(&object, name, namespace)?;
                let asked = if name.starts_with("self") { user.clone() } else { subject(&object) };
                object["status"] = status(&self.authorize(&asked, &attributes(&object)));
            }
            "tokenreviews" => {
                let error = "tokens are not supported: the embedded API does not issue any";
                object["status"] = json!({"user": {}, "error": error});
            }
            _ => return Ok(None),
        }
        Ok(Some(object))
    }

    fn own_fields(&self, place: Place<'_>, object: &mut Value, options: &WriteOptions) {
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        self.claim_fields(place, object, options);
        remove_meta(object, &["creationTimestamp"]);
    }

    /// `kubectl auth can-i --list`: all rules that apply, without what is said twice.
    fn rules_of(&self, user: &User, namespace: &str) -> Value {
        let (mut resources, mut urls) = (Vec::new(), Vec::new());
        let all: Vec<Value> = if user.groups.iter().any(|g| g == "system:masters") {
            vec![
                json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
                json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
            ]
        } else {
            self.grants(user, namespace).into_iter().filter_map(|g| g.rules.ok()).flatten().collect()
        };
        for rule in all {
            if !list(&rule, &["resources"]).is_empty() {
                resources.push(rule);
            } else if !list(&rule, &["nonResourceURLs"]).is_empty() {
                urls.push(rule);
            }
        }
        json!({"resourceRules": resources, "nonResourceRules": urls, "incomplete": false})
    }

    /// Gives aggregated ClusterRoles the rules of the roles they select; true when something changed.
    pub(crate) fn aggregate_roles(&self) -> bool {
        let Some(resource) = self.resource(super::GROUP, "v1", "clusterroles") else { return false };
        let roles = self.store().list(&resource.storage, None).1;
        let mut changed = false;
        for (key, role) in roles.iter().filter(|(_, r)| !r.object["aggregationRule"].is_null()) {
            let selectors = list(&role.object, &["aggregationRule", "clusterRoleSelectors"]);
            let mut rules: Vec<Value> = Vec::new();
            for (_, other) in roles.iter().filter(|(k, _)| k != key) {
                if selectors.iter().any(|s| crate::selector::LabelSelector::from_object(s).matches(&other.object)) {
                    rules.extend(list(&other.object, &["rules"]).iter().cloned());
                }
            }
            let mut seen = std::collections::HashSet::new();
            rules.retain(|r| seen.insert(r.to_string()));
            if rules.as_slice() != list(&role.object, &["rules"]) {
                let mut new = role.object.as_ref().clone();
                new["rules"] = rules.into();
                changed |= self.store().update(key.clone(), role.version, new).is_ok();
            }
        }
        changed
    }
}

fn status(decision: &Decision) -> Value {
    let mut out = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        out["reason"] = decision.reason.as_str().into();
    }
    out
}

fn subject(review: &Value) -> User {
    let groups = list(review, &["spec", "groups"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    User { name: text(review, &["spec", "user"]).to_owned(), groups }
}

fn attributes(review: &Value) -> Attributes {
    let field = |kind: &str, key: &str| text(review, &["spec", kind, key]).to_owned();
    if at(review, &["spec", "nonResourceAttributes"]).is_some() {
        let (path, verb) = (field("nonResourceAttributes", "path"), field("nonResourceAttributes", "verb"));
        return Attributes { verb, path, ..Attributes::default() };
    }
    let field = |key: &str| field("resourceAttributes", key);
    Attributes {
        verb: field("verb"),
        group: field("group"),
        resource: field("resource"),
        subresource: field("subresource"),
        name: field("name"),
        namespace: field("namespace"),
        path: String::new(),
    }
}

/// Validation of the three access reviews.
fn check(review: &Value, name: &str, namespace: &str) -> ApiResult<()> {
    let mut errors = Vec::new();
    let has = |key: &str| at(review, &["spec", key]).is_some_and(|v| !v.is_null());
    if has("resourceAttributes") == has("nonResourceAttributes") {
        let detail = if has("resourceAttributes") {
            "cannot be specified in combination with resourceAttributes"
        } else {
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        };
        let (field, value) = if has("resourceAttributes") {
            ("spec.nonResourceAttributes", review["spec"]["nonResourceAttributes"].clone())
        } else {
            ("spec", Value::Null)
        };
        errors.push(FieldError::invalid(field, value, detail));
    }
    let nobody = text(review, &["spec", "user"]).is_empty() && list(review, &["spec", "groups"]).is_empty();
    if !name.starts_with("self") && nobody {
        errors.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    let own = text(review, &["spec", "resourceAttributes", "namespace"]);
    if name.starts_with("local") && own != namespace {
        let field = "spec.resourceAttributes.namespace";
        errors.push(FieldError::invalid(field, own, "must match metadata.namespace"));
    }
    if !meta(review, "name").is_empty() {
        errors.push(FieldError::invalid("metadata", review["metadata"].clone(), "must be empty"));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(Target { group: "authorization.k8s.io", resource: "" }, "", &errors))
}
