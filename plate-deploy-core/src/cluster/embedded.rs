//! [`EmbeddedCluster`]: the Kubernetes API that plate-deploy carries inside, with simulated nodes.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use kube::Client;
use plate_deploy_apiserver::ApiServer;
use plate_deploy_apiserver::controllers::Simulation;

use super::wrappers::{reads_go_through, writes_go_through};
use super::{
    Access, AccessRequest, ApiCatalog, ApplyMode, ClusterError, ClusterReader, ClusterWriter, KubeCluster, ListOptions, LogOptions,
    ObjectList, ObjectRef, Patch, Propagation, Result, WatchEvent, WriteOptions,
};
use crate::model::{GroupVersionKind, Manifest};

/// How an embedded cluster is made.
#[derive(Clone, Debug, Default)]
pub struct EmbeddedOptions {
    /// Folder of the file that keeps its objects between runs; `None`: they live in memory.
    pub store: Option<PathBuf>,
    /// How its nodes, disks and networks behave.
    pub simulation: Simulation,
}

/// A running embedded cluster. It stops when the value is dropped; with a store its objects stay.
#[derive(Debug)]
pub struct EmbeddedCluster {
    inner: KubeCluster,
    server: ApiServer,
}

impl EmbeddedCluster {
    /// Starts the API and its controllers. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`ClusterError::Embedded`] when the store cannot be used: not readable, damaged, or in use by another process.
    pub async fn start(options: EmbeddedOptions) -> Result<Self> {
        let mut builder = ApiServer::builder().controllers(options.simulation);
        if let Some(folder) = &options.store {
            std::fs::create_dir_all(folder)
                .map_err(|e| ClusterError::Embedded(format!("{}: {e}", folder.display())))?;
            builder = builder.store_file(folder.join("objects"));
        }
        let server = builder.build().map_err(|e| ClusterError::Embedded(e.to_string()))?;
        let inner = KubeCluster::new("embedded", Client::new(server.clone(), "default"));
        Ok(Self { inner, server })
    }

    /// The API server, to serve it over HTTP or to look into it.
    #[must_use]
    pub fn server(&self) -> &ApiServer {
        &self.server
    }
}

reads_go_through!(EmbeddedCluster);
writes_go_through!(EmbeddedCluster);
