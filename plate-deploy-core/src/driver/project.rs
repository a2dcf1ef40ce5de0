//! Which AppProject an Application belongs to, and what it permits.

use std::sync::Arc;

use super::filter::IN_CLUSTER;
use super::{LiveCache, Target};
use crate::model::application::DEFAULT_PROJECT;
use crate::model::permission::validate_application;
use crate::model::sync_window::matching_windows;
use crate::model::{AppProject, Cluster, GroupKind, Manifest, ResourceKey, SyncQuestion, SyncWindow, can_sync};
use crate::report::{Diagnostic, Severity};

/// An Application's project, and the cluster as the Application names it.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    project: Arc<AppProject>,
    cluster: Cluster,
    windows: Vec<SyncWindow>,
    key: ResourceKey,
    /// What is wrong with the Application under its project.
    pub(super) problems: Vec<Diagnostic>,
}

impl Membership {
    /// Finds the project: the cluster's own AppProject, else the repository's. A project that nobody declares refuses
    /// the Application where Argo CD's projects are to be found in the cluster, and permits everything elsewhere
    /// (`default` does so anywhere).
    pub(super) fn of(target: &Target, declared: &[AppProject], live: &LiveCache, argocd: &str) -> Self {
        let name = target.application.spec.project();
        let mut problems = Vec::new();
        let project = match find(name, declared, live, argocd) {
            Some(project) => project,
            None if name == DEFAULT_PROJECT => AppProject::permissive(name),
            None => {
                problems.extend(unknown(name, live, argocd));
                AppProject::permissive(name)
            }
        };
        let destination = &target.application.spec.destination;
        let cluster = Cluster {
            name: if destination.name.is_empty() { "in-cluster".into() } else { destination.name.clone() },
            server: if destination.server.is_empty() { IN_CLUSTER.into() } else { destination.server.clone() },
        };
        // Where several clusters have this name or none is given, Argo CD refuses; here there is exactly one.
        let mut application = target.application.clone();
        if application.spec.destination.server.is_empty() && application.spec.destination.name.is_empty() {
            application.spec.destination.server = IN_CLUSTER.into();
        }
        let trimmed = Cluster { server: cluster.server.trim_end_matches('/').into(), ..cluster.clone() };
        let conditions = validate_application(&application, &project, std::slice::from_ref(&trimmed));
        problems.extend(conditions.into_iter().map(|condition| {
            let remedy = format!("permit it in the AppProject {name}, or change the Application");
            Diagnostic::new(Severity::Error, "invalid-spec", condition.message).remedy(remedy)
        }));
        let matching = matching_windows(&project.spec.sync_windows, target.name(), destination);
        let windows = matching.iter().filter_map(|&i| project.spec.sync_windows.get(i).cloned()).collect();
        let key = key(name, argocd);
        Self { project: Arc::new(project), cluster: trimmed, windows, key, problems }
    }

    /// The key of the project's object.
    pub(super) fn key(&self) -> ResourceKey {
        self.key.clone()
    }

    /// Why the sync windows hold a sync back now, in Argo CD's words; `None` when they do not.
    pub(super) fn window_blocks(&self, question: SyncQuestion) -> Option<String> {
        match can_sync(&self.windows, question) {
            Ok(true) => None,
            Ok(false) => Some("Sync operation blocked by sync window".into()),
            Err(error) => Some(format!("Sync operation blocked by sync window: {error}")),
        }
    }

    /// Whether an object may be brought (Argo CD's `validateSyncPermissions`).
    pub(super) fn permits(&self, object: &Manifest, namespaced: bool) -> Result<(), String> {
        let gvk = object.gvk();
        let project = &self.project.metadata.name;
        if !self.permits_kind(&gvk.group_kind(), object.name(), namespaced) {
            return Err(format!("resource {}:{} is not permitted in project {project}", gvk.group, gvk.kind));
        }
        if namespaced && !self.project.permits_destination(&self.cluster, object.namespace(), &[]) {
            return Err(format!("namespace {} is not permitted in project '{project}'", object.namespace()));
        }
        Ok(())
    }

    /// Whether a kind may be brought.
    pub(super) fn permits_kind(&self, kind: &GroupKind, name: &str, namespaced: bool) -> bool {
        self.project.permits_kind(kind, name, namespaced)
    }

    /// Whether a live object is the Application's to touch; others are as if they were not there.
    pub(super) fn permits_live(&self, object: &Manifest) -> bool {
        let key = object.key();
        self.project.permits_resource(&key.group_kind(), &key.name, &key.namespace, &self.cluster, &[])
    }

    /// The warning about objects in the destination's namespace that no Application has, where the project asks for it.
    pub(super) fn orphans(
        &self,
        target: &Target,
        own: impl Fn(&ResourceKey) -> bool,
        live: &LiveCache,
    ) -> Option<Diagnostic> {
        let orphaned = self.project.spec.orphaned_resources.as_ref().filter(|o| o.warn.unwrap_or(true))?;
        if target.namespace().is_empty() {
            return None;
        }
        let known = |key: &ResourceKey| {
            matches!(
                (key.namespace.as_str(), key.group.as_str(), key.kind.as_str(), key.name.as_str()),
                ("default", "", "Service", "kubernetes")
                    | (_, "", "ServiceAccount", "default")
                    | (_, "", "ConfigMap", "kube-root-ca.crt")
            )
        };
        let glob = |pattern: &str, text: &str| crate::model::glob_match(pattern, text, &[]);
        let ignored = |key: &ResourceKey| {
            orphaned.ignore.iter().any(|item| {
                (item.kind.is_empty() || glob(&item.kind, &key.kind))
                    && glob(&item.group, &key.group)
                    && (item.name.is_empty() || glob(&item.name, &key.name))
            })
        };
        let mut found: Vec<ResourceKey> = live
            .present(target.namespace())
            .into_iter()
            .filter(|object| object.app.is_none() && !object.owned)
            .map(|object| object.key)
            .filter(|key| !own(key) && self.permits_kind(&key.group_kind(), &key.name, true))
            .filter(|key| !known(key) && !ignored(key))
            .collect();
        found.sort();
        let (first, count) = (found.first()?, found.len());
        let message = format!("Application has {count} orphaned resources, {first} among them");
        let remedy = "bring them into an Application, delete them, or list them under orphanedResources.ignore";
        Some(Diagnostic::new(Severity::Warning, "orphaned-resource", message).remedy(remedy))
    }
}

fn find(name: &str, declared: &[AppProject], live: &LiveCache, argocd: &str) -> Option<AppProject> {
    let in_cluster = live.get(&key(name, argocd)).and_then(|object| AppProject::from_json(object.value()).ok());
    in_cluster.or_else(|| declared.iter().find(|project| project.metadata.name == name).cloned())
}

fn key(name: &str, namespace: &str) -> ResourceKey {
    ResourceKey {
        group: "argoproj.io".into(),
        kind: "AppProject".into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// Refused only where Argo CD is: it makes the project `default` itself.
fn unknown(name: &str, live: &LiveCache, argocd: &str) -> Option<Diagnostic> {
    live.get(&key(DEFAULT_PROJECT, argocd))?;
    let message = format!("Application referencing project {name} which does not exist");
    Some(Diagnostic::new(Severity::Error, "invalid-spec", message).remedy(format!("create the AppProject {name}")))
}
