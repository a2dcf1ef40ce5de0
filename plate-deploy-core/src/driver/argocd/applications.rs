//! Getting the Application objects to what Git says, before anything is synced: through their app-of-apps where one
//! tracks them, else by applying them, as `kubectl apply` would.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use tokio::time::Instant;

use super::ArgoCdDriver;
use super::operate::Started;
use super::progress::Progress;
use crate::cluster::{ApplyMode, ClusterError, WriteOptions};
use crate::driver::Target;
use crate::driver::app_status::LiveApplication;
use crate::model::{Manifest, ResourceKey, SyncCode};
use crate::report::{Diagnostic, Reporter, Severity};
use crate::sync::{SelectedResource, SyncOperation};

/// Argo CD's API group.
pub(super) const GROUP: &str = "argoproj.io";

impl ArgoCdDriver {
    /// Where a target's Application object is.
    pub(super) fn key_of(&self, target: &Target) -> ResourceKey {
        let namespace = &target.application.metadata.namespace;
        let namespace = if namespace.is_empty() { &self.installation.namespace } else { namespace };
        application_key(namespace, target.name())
    }

    /// The Application as the watch last saw it.
    pub(super) fn live(&self, key: &ResourceKey) -> Option<LiveApplication> {
        LiveApplication::read(&*self.engine.live().get(key)?).ok()
    }

    /// Creates and corrects Application objects. Findings by Application name.
    pub(super) async fn bring_applications(
        &self,
        targets: &[Target],
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<BTreeMap<String, Vec<Diagnostic>>, ClusterError> {
        let wanted: BTreeSet<ResourceKey> = targets.iter().map(|target| self.key_of(target)).collect();
        let parents = self.parents(&wanted).into_iter().map(|parent| {
            let wanted = &wanted;
            async move { self.sync_children(&parent, wanted, targets, deadline, reporter).await }
        });
        for result in join_all(parents).await {
            result?;
        }
        let mut findings: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        for target in targets {
            let live = self.live(&self.key_of(target));
            let found = match live {
                Some(live) if same_spec(target, &live) => None,
                Some(LiveApplication { parent: Some(parent), .. }) => Some(differs(target, &parent)),
                _ => {
                    self.apply_application(target).await?;
                    None
                }
            };
            findings.entry(target.name().into()).or_default().extend(found);
        }
        Ok(findings)
    }

    /// The app-of-apps that bring any of the wanted Applications.
    fn parents(&self, wanted: &BTreeSet<ResourceKey>) -> Vec<ResourceKey> {
        let all = self.engine.live().of_kind(GROUP, "Application", "");
        let named: BTreeSet<String> = wanted.iter().filter_map(|key| self.live(key)?.parent).collect();
        all.iter()
            .filter(|object| !wanted.contains(&object.key()))
            .filter(|object| {
                named.contains(object.name())
                    || LiveApplication::read(object).is_ok_and(|app| {
                        app.status.resources.iter().any(|r| r.group == GROUP && r.kind == "Application")
                    })
            })
            .map(|object| object.key())
            .collect()
    }

    /// Refreshes an app-of-apps and syncs those of its children that are wanted and differ: the others may belong to
    /// another environment.
    async fn sync_children(
        &self,
        parent: &ResourceKey,
        wanted: &BTreeSet<ResourceKey>,
        targets: &[Target],
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<(), ClusterError> {
        let Ok(app) = self.refresh(parent, deadline).await? else { return Ok(()) };
        let different: Vec<SelectedResource> = app
            .status
            .resources
            .iter()
            .filter(|resource| wanted.contains(&resource.key()) && resource.status != Some(SyncCode::Synced))
            .map(|resource| SelectedResource {
                group: resource.group.clone(),
                kind: resource.kind.clone(),
                name: resource.name.clone(),
                namespace: resource.namespace.clone(),
            })
            .collect();
        if different.is_empty() {
            return Ok(());
        }
        let revision = targets.first().map_or("", |target| target.revision.as_str());
        let sync = SyncOperation { resources: different, ..self.operation(&app, revision, false) };
        let mut progress = Progress::new(&parent.name, reporter);
        if let Started::Operation(id) = self.start(parent, sync, deadline, &mut progress).await? {
            self.follow(parent, &id, deadline, &mut progress).await;
        }
        Ok(())
    }

    async fn apply_application(&self, target: &Target) -> Result<(), ClusterError> {
        let value = serde_json::to_value(&target.application).unwrap_or_default();
        let Ok(mut object) = Manifest::new(value) else { return Ok(()) };
        object.set_namespace(&self.key_of(target).namespace);
        let stored = self.engine.cluster.apply(&object, ApplyMode::ClientSide, &WriteOptions::default()).await?;
        self.engine.live().observe(stored);
        Ok(())
    }
}

/// The key of an Application object.
pub(super) fn application_key(namespace: &str, name: &str) -> ResourceKey {
    ResourceKey { group: GROUP.into(), kind: "Application".into(), namespace: namespace.into(), name: name.into() }
}

/// Whether the cluster's Application says what Git's says.
pub(super) fn same_spec(target: &Target, live: &LiveApplication) -> bool {
    target.application.spec.normalized() == live.application.spec.normalized()
}

fn differs(target: &Target, parent: &str) -> Diagnostic {
    let name = target.name();
    let text = format!(
        "Application {name} in the cluster is not what Git says, and its app-of-apps {parent} did not change that"
    );
    Diagnostic::new(Severity::Warning, "application-differs-from-git", text).remedy(format!(
        "look at {parent}: it may follow another revision or ignore the difference; kubectl get application {name} -o yaml shows what is there"
    ))
}
