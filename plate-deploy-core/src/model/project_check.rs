//! Whether an AppProject is valid, in Argo CD's words (`ValidateProject`).

use std::collections::BTreeSet;

use super::glob::Glob;
use super::project::{AppProject, DestinationServiceAccount, ProjectRole};

/// Why an AppProject is refused; `Display` is Argo CD's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProjectError {
    /// The message.
    pub message: String,
}

type Checked = Result<(), ProjectError>;

fn refuse<T>(code: &str, text: String) -> Result<T, ProjectError> {
    Err(ProjectError { message: format!("rpc error: code = {code} desc = {text}") })
}

fn invalid<T>(text: String) -> Result<T, ProjectError> {
    refuse("InvalidArgument", text)
}

impl AppProject {
    /// Checks the project as Argo CD does before it stores it.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ProjectError> {
        self.check_destinations()?;
        self.check_sources()?;
        let mut names = BTreeSet::new();
        for role in &self.spec.roles {
            if !names.insert(&role.name) {
                return refuse("AlreadyExists", format!("role '{}' already exists", role.name));
            }
            check_role(&self.metadata.name, role)?;
        }
        self.check_windows()?;
        let mut keys = BTreeSet::new();
        self.spec.destination_service_accounts.iter().try_for_each(|account| check_account(account, &mut keys))
    }

    fn check_destinations(&self) -> Checked {
        let mut keys = BTreeSet::new();
        for destination in &self.spec.destinations {
            let fields =
                [("name", &destination.name), ("server", &destination.server), ("namespace", &destination.namespace)];
            if let Some((field, _)) = fields.into_iter().find(|(_, value)| *value == "!*") {
                return invalid(format!("{field} has an invalid format, '!*'"));
            }
            let cluster = if destination.server.is_empty() { &destination.name } else { &destination.server };
            let key = format!("{cluster}/{}", destination.namespace);
            if !keys.insert(key.clone()) {
                return invalid(format!("destination '{key}' already added"));
            }
        }
        Ok(())
    }

    fn check_sources(&self) -> Checked {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.spec.source_namespaces.iter().find(|namespace| !seen.insert(*namespace)) {
            return invalid(format!("source namespace '{twice}' already added"));
        }
        let mut seen = BTreeSet::new();
        for repository in &self.spec.source_repos {
            if repository == "!*" {
                return invalid("source repository has an invalid format, '!*'".into());
            }
            if !seen.insert(repository) {
                return invalid(format!("source repository '{repository}' already added"));
            }
        }
        Ok(())
    }

    fn check_windows(&self) -> Checked {
        let mut seen = Vec::new();
        for window in &self.spec.sync_windows {
            let named =
                format!("kind '{}', schedule '{}', and duration '{}'", window.kind, window.schedule, window.duration);
            let mut identity = window.clone();
            (identity.manual_sync, identity.sync_overrun, identity.description) = (false, false, String::new());
            if seen.contains(&identity) {
                return refuse("AlreadyExists", format!("sync window with {named} already exists"));
            }
            if let Some(message) = window.problem() {
                return Err(ProjectError { message });
            }
            if window.applications.is_empty() && window.namespaces.is_empty() && window.clusters.is_empty() {
                let window = format!("'{}':'{}':'{}'", window.kind, window.schedule, window.duration);
                return refuse(
                    "OutOfRange",
                    format!("window {window} requires one of application, cluster or namespace"),
                );
            }
            seen.push(identity);
        }
        Ok(())
    }
}

fn check_role(project: &str, role: &ProjectRole) -> Checked {
    let name = &role.name;
    let ends = |c: char| c.is_ascii_alphanumeric();
    let good = name.starts_with(ends) && name.ends_with(ends) && name.chars().all(|c| ends(c) || "-_".contains(c));
    if !good {
        return invalid(format!(
            "invalid role name '{name}'. Must consist of alphanumeric characters, '-' or '_', and must start and end with an alphanumeric character"
        ));
    }
    let mut seen = BTreeSet::new();
    for policy in &role.policies {
        if !seen.insert(policy) {
            return refuse("AlreadyExists", format!("policy '{policy}' already exists for role '{name}'"));
        }
        check_policy(project, name, policy)?;
    }
    let mut seen = BTreeSet::new();
    for group in &role.groups {
        if !seen.insert(group) {
            return refuse("AlreadyExists", format!("group '{group}' already exists for role '{name}'"));
        }
        check_group(group)?;
    }
    Ok(())
}

/// `p, proj:PROJECT:ROLE, RESOURCE, ACTION, OBJECT, EFFECT`
fn check_policy(project: &str, role: &str, policy: &str) -> Checked {
    let bad = |reason: String| invalid(format!("invalid policy rule '{policy}': {reason}"));
    let parts: Vec<&str> = policy.split(',').map(|part| part.trim_matches(' ')).collect();
    let ["p", subject, resource, action, object, effect] = parts.as_slice() else {
        return bad("must be of the form: 'p, sub, res, act, obj, eft'".into());
    };
    let wanted = format!("proj:{project}:{role}");
    if *subject != wanted {
        return bad(format!("policy subject must be: '{wanted}', not '{subject}'"));
    }
    if !["applications", "applicationsets", "logs", "exec", "clusters", "repositories"].contains(resource) {
        let known = "'applications', 'applicationsets', 'repositories', 'exec', 'logs' or 'clusters'";
        return bad(format!("project resource must be: {known}, not '{resource}'"));
    }
    let known = ["get", "create", "update", "delete", "sync", "override", "rollback", "*"].contains(action);
    if !known && !["action/", "update/", "delete/"].iter().any(|pattern| action.contains(pattern)) {
        return bad(format!("invalid action '{action}'"));
    }
    if !is_policy_object(project, object) {
        let forms = format!("'{project}/*', '{project}[/<NAMESPACE>]/<APPNAME>' or '{project}/<APPNAME>'");
        return bad(format!("object must be of form {forms}, not '{object}'"));
    }
    if !["allow", "deny"].contains(effect) {
        return bad("effect must be: 'allow' or 'deny'".into());
    }
    Ok(())
}

/// `PROJECT[/NAMESPACE]/NAME` with letters, digits and `*_-.`.
fn is_policy_object(project: &str, object: &str) -> bool {
    let Some(rest) = object.strip_prefix(project).and_then(|rest| rest.strip_prefix('/')) else { return false };
    let good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "*_-.".contains(c));
    match rest.split_once('/') {
        Some((namespace, name)) => good(namespace) && good(name),
        None => good(rest),
    }
}

fn check_group(group: &str) -> Checked {
    let trimmed = group.trim();
    let quoted = trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = match quoted {
        Some(inner) => inner,
        None if trimmed.contains(',') => return invalid(format!("group '{trimmed}' must be quoted")),
        None => trimmed,
    };
    if name.is_empty() {
        return invalid(format!("group '{name}' is empty"));
    }
    if name.contains(['"', '\n', '\r', '\t']) {
        return invalid(format!("group '{name}' contains invalid characters"));
    }
    if group.starts_with(char::is_whitespace) {
        return invalid(format!("group '{name}' contains a leading space"));
    }
    if group.ends_with(char::is_whitespace) {
        return invalid(format!("group '{name}' contains a trailing space"));
    }
    Ok(())
}

fn check_account(account: &DestinationServiceAccount, keys: &mut BTreeSet<String>) -> Checked {
    let fields = [("server", &account.server), ("namespace", &account.namespace)];
    let wrong = |field: &str, value: &str| invalid(format!("{field} has an invalid format, '{value}'"));
    for (field, value) in fields {
        if value.contains('!') {
            return wrong(field, value);
        }
    }
    let service_account = &account.default_service_account;
    if service_account.trim_matches(' ').is_empty()
        || service_account.contains(['!', '*', '[', ']', '{', '}', '\\', '/'])
    {
        return wrong("defaultServiceAccount", service_account);
    }
    for (field, value) in fields {
        if Glob::new(value, &[]).is_err() {
            return wrong(field, value);
        }
    }
    let key = format!("{}/{}", account.server, account.namespace);
    if keys.insert(key.clone()) { Ok(()) } else { invalid(format!("destinationServiceAccount '{key}' already added")) }
}
