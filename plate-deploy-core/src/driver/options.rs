//! How the engine decides, beyond what the Applications say.

use std::sync::Arc;

use super::history::{HistoryStore, MemoryHistory};
use super::settings::ArgoSettings;
use crate::diff::SecretKey;
use crate::model::AppProject;
use crate::sync::Behaviour;
use crate::sync::retry::SelfHealWait;

/// How the engine decides, beyond what the Applications say.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// Argo CD's settings, unless the cluster's own are used.
    pub settings: ArgoSettings,
    /// Where an Argo CD in the cluster keeps its settings and projects. Default: `argocd`.
    pub argocd_namespace: String,
    /// Use the settings of the Argo CD in the cluster when there is one. Default: yes.
    pub read_cluster_settings: bool,
    /// AppProjects of the repository; the cluster's own count first.
    pub projects: Vec<AppProject>,
    /// Named departures from Argo CD. Default: only `fail_fast`, since a deploy that somebody waits for must not wait
    /// for what has failed.
    pub behaviour: Behaviour,
    /// Where revision histories and holds are kept for Applications that are no objects of the cluster. Default: in
    /// memory.
    pub history: Arc<dyn HistoryStore>,
    /// Shows the values of Secrets in plans as keyed hashes, so that two plans can be compared; `None`: as masks that
    /// only say whether two values of one object are the same.
    pub secret_key: Option<SecretKey>,
    /// Writes that run at the same time, over all Applications. Default: 32.
    pub parallel: usize,
    /// The wait between self-heal syncs of one revision.
    pub self_heal: SelfHealWait,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            settings: ArgoSettings::default(),
            argocd_namespace: "argocd".into(),
            read_cluster_settings: true,
            projects: Vec::new(),
            behaviour: Behaviour { fail_fast: true, ..Behaviour::default() },
            history: Arc::new(MemoryHistory::default()),
            secret_key: None,
            parallel: 32,
            self_heal: SelfHealWait::default(),
        }
    }
}
