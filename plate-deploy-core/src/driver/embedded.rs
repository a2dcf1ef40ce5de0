//! The embedded GitOps engine: compares, syncs and observes Applications on a cluster, without an Argo CD.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::compare::{self, Comparison};
use super::history::{ApplicationRecord, Hold, Records};
use super::live::Known;
use super::prepare::{Prepared, namespace_differs};
use super::project::Membership;
use super::settings::ArgoSettings;
use super::{DriverOptions, LiveCache, SyncDriver, SyncOptions, Target};
use crate::clock::Clock;
use crate::cluster::{ApplyMode, ClusterBackend, ClusterError, ObjectRef, WriteOptions};
use crate::health::HealthOverrides;
use crate::model::{Application, Manifest, ResourceKey, SyncCode};
use crate::report::{ApplicationReport, Diagnostic, Reporter, Severity};

/// The engine.
#[derive(Debug)]
pub struct EmbeddedDriver {
    pub(super) cluster: Arc<dyn ClusterBackend>,
    pub(super) live: LiveCache,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: DriverOptions,
    pub(super) writes: Semaphore,
    /// Applications whose operation somebody wants to end.
    terminate: Mutex<BTreeSet<String>>,
}

/// The cluster as one Application sees it.
pub(super) struct View {
    pub(super) prepared: Arc<Prepared>,
    pub(super) live: BTreeMap<ResourceKey, Arc<Manifest>>,
    pub(super) comparison: Comparison,
    /// The Application's version in the cache that this was made from.
    pub(super) version: u64,
}

impl EmbeddedDriver {
    /// Connects the engine to a cluster: reads Argo CD's settings where there is one, lists and watches every kind.
    ///
    /// # Errors
    /// When the cluster cannot be listed, or Argo CD's settings in it are broken.
    pub async fn start(
        cluster: Arc<dyn ClusterBackend>,
        clock: Arc<dyn Clock>,
        options: DriverOptions,
    ) -> Result<Self, ClusterError> {
        let mut options = options;
        if options.read_cluster_settings
            && let Some(settings) = ArgoSettings::in_cluster(&*cluster, &options.argocd_namespace).await?
        {
            options.settings = settings;
        }
        let now = clock.now().as_second();
        options.settings.health = options.settings.health.at(now);
        let (tracker, filter) = (options.settings.tracker.clone(), options.settings.filter.clone());
        let live = LiveCache::start(Arc::clone(&cluster), tracker, filter).await?;
        let writes = Semaphore::new(options.parallel.max(1));
        Ok(Self { cluster, live, clock, options, writes, terminate: Mutex::default() })
    }

    /// The picture of the cluster.
    #[must_use]
    pub fn live(&self) -> &LiveCache {
        &self.live
    }

    /// The options in effect, with the cluster's own settings.
    #[must_use]
    pub fn options(&self) -> &DriverOptions {
        &self.options
    }

    /// Ends an Application's running operation at its next step: running hooks are ended, what was applied stays.
    pub fn terminate(&self, application: &str) {
        self.terminate.lock().unwrap_or_else(PoisonError::into_inner).insert(application.to_owned());
        self.live.nudge(application);
    }

    pub(super) fn take_termination(&self, application: &str) -> bool {
        self.terminate.lock().unwrap_or_else(PoisonError::into_inner).remove(application)
    }

    /// What an Application was synced to before, and whether somebody holds it.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn record(&self, application: &Application) -> Result<ApplicationRecord, ClusterError> {
        let object = self.application_object(application);
        self.records(object.as_deref()).load(&application.metadata.name).await
    }

    /// Sets a hold (no sync, automated or asked for, moves the Application until it is lifted), or lifts it.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn hold(&self, application: &Application, hold: Option<&Hold>) -> Result<(), ClusterError> {
        let object = self.application_object(application);
        self.records(object.as_deref()).hold(&application.metadata.name, hold).await
    }

    pub(super) fn records<'a>(&'a self, object: Option<&'a Manifest>) -> Records<'a> {
        Records { cluster: &*self.cluster, store: &*self.options.history, object }
    }

    /// The Application as an object of the cluster.
    pub(super) fn application_object(&self, application: &Application) -> Option<Arc<Manifest>> {
        self.live.get(&self.own_key(application))
    }

    pub(super) fn own_key(&self, application: &Application) -> ResourceKey {
        let namespace = match application.metadata.namespace.as_str() {
            "" => self.options.argocd_namespace.clone(),
            own => own.to_owned(),
        };
        ResourceKey {
            group: "argoproj.io".into(),
            kind: "Application".into(),
            namespace,
            name: application.metadata.name.clone(),
        }
    }

    pub(super) fn health_overrides(&self) -> &HealthOverrides {
        &self.options.settings.health
    }

    /// Makes a target ready, for the kinds that are served now.
    pub(super) async fn prepare(&self, target: &Target) -> Result<Arc<Prepared>, ClusterError> {
        let catalog = self.cluster.catalog(false).await?;
        let options = &self.options;
        let membership = Membership::of(target, &options.projects, &self.live, &options.argocd_namespace);
        let own_key = self.own_key(&target.application);
        let prepared = Prepared::new(target, catalog, &options.settings, membership, own_key);
        self.live.follow(target.name(), &prepared.keys, prepared.detail, |key| prepared.at(key)).await?;
        Ok(Arc::new(prepared))
    }

    /// Looks at the cluster for one Application.
    pub(super) async fn view(&self, target: &Target, ready: Option<&Arc<Prepared>>) -> Result<View, ClusterError> {
        let catalog = self.cluster.catalog(false).await?;
        let prepared = match ready {
            Some(prepared) if Arc::ptr_eq(&prepared.catalog, &catalog) => Arc::clone(prepared),
            _ => self.prepare(target).await?,
        };
        let version = self.live.version_of(target.name());
        let live = self.live_objects(target, &prepared).await?;
        let (mut comparison, dry_runs) = compare::compare(&prepared, &live, self.health_overrides());
        comparison.secret_key.clone_from(&self.options.secret_key);
        for (index, dry_run) in dry_runs {
            let result = self.dry_run(*dry_run).await;
            comparison.judge(index, result);
        }
        comparison.problems.extend(self.shared(target, &live));
        let own = |key: &ResourceKey| prepared.keys.contains(key);
        comparison.problems.extend(prepared.membership.orphans(target, own, &self.live));
        comparison.conclude();
        if comparison.sync == SyncCode::Synced && namespace_differs(target, &self.live) {
            comparison.sync = SyncCode::OutOfSync;
        }
        Ok(View { prepared, live, comparison, version })
    }

    /// The live objects of the targets, and those that carry the Application's tracking, as far as the project lets the
    /// Application touch them.
    async fn live_objects(
        &self,
        target: &Target,
        prepared: &Prepared,
    ) -> Result<BTreeMap<ResourceKey, Arc<Manifest>>, ClusterError> {
        let mut live: BTreeMap<ResourceKey, Arc<Manifest>> = BTreeMap::new();
        for manifest in prepared.placed.iter().filter(|m| !m.name().is_empty()) {
            if let Some(object) = self.find(manifest, prepared).await? {
                live.insert(manifest.key(), object);
            }
        }
        for object in self.live.tracked_by(target.name()) {
            if self.is_own(&object) {
                live.entry(object.key()).or_insert(object);
            }
        }
        live.retain(|_, object| prepared.membership.permits_live(object));
        Ok(live)
    }

    /// The live object of a target, in the target's API version.
    async fn find(&self, target: &Manifest, prepared: &Prepared) -> Result<Option<Arc<Manifest>>, ClusterError> {
        let at = ObjectRef::of(target);
        if prepared.catalog.get(&at.kind).is_none() {
            return Ok(None);
        }
        match self.live.look(&at, prepared.detail) {
            Known::Missing => Ok(None),
            Known::Object(object) => Ok(Some(object)),
            // Another version of it was listed, or the kind may not be listed at all: ask for this one.
            Known::Ask => Ok(self.cluster.get(&at).await?.map(Arc::new)),
        }
    }

    /// Whether the tracking on an object that is not in Git was made for it: some controllers copy annotations to what
    /// they create (Argo CD's `isSelfReferencedObj`), and what an owner made is the owner's to delete.
    pub(super) fn is_own(&self, object: &Manifest) -> bool {
        let owners = object.value().pointer("/metadata/ownerReferences").and_then(|o| o.as_array());
        if owners.is_some_and(|owners| !owners.is_empty()) {
            return false;
        }
        let key = object.key();
        self.options.settings.tracker.instance(object).is_none_or(|id| {
            id.group == key.group
                && id.kind == key.kind
                && id.name == key.name
                && (id.namespace == key.namespace || key.namespace.is_empty())
        })
    }

    async fn dry_run(&self, dry_run: crate::diff::DryRun) -> Result<crate::diff::DiffResult, String> {
        let field_manager = self.options.settings.diff.manager.clone();
        let options = WriteOptions { field_manager, dry_run: true, ..WriteOptions::default() };
        let mode = ApplyMode::ServerSide { force: true };
        let request = dry_run.request().clone();
        let answer = self.cluster.apply(&request, mode, &options).await.map_err(|error| error.to_string())?;
        dry_run.finish(answer.into_value()).map_err(|error| error.to_string())
    }

    /// Objects that another Application tracks, which a sync would take over.
    fn shared(&self, target: &Target, live: &BTreeMap<ResourceKey, Arc<Manifest>>) -> Vec<Diagnostic> {
        let other =
            |object: &Manifest| self.options.settings.tracker.app_name(object).filter(|owner| owner != target.name());
        live.values()
            .filter_map(|object| Some((object, other(object)?.replace('_', "/"))))
            .map(|(object, owner)| {
                let (kind, name) = (object.kind(), object.name());
                let message = format!("{kind}/{name} is part of applications {} and {owner}", target.name());
                Diagnostic::new(Severity::Warning, "shared-resource", message)
                    .remedy("keep it in one of them; each sync takes it from the other")
            })
            .collect()
    }
}

#[async_trait]
impl SyncDriver for EmbeddedDriver {
    fn name(&self) -> &str {
        "embedded"
    }

    async fn compare(&self, targets: &[Target]) -> Result<Vec<Comparison>, ClusterError> {
        let mut all = Vec::with_capacity(targets.len());
        for target in targets {
            all.push(self.view(target, None).await?.comparison);
        }
        Ok(all)
    }

    async fn sync(
        &self,
        targets: Vec<Target>,
        options: SyncOptions,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ApplicationReport>, ClusterError> {
        self.sync_in_order(&targets, options, reporter).await
    }
}
