//! From a kubeconfig file to a [`KubeCluster`]: which context, and is it safe to use.
//!
//! The caller names the files; nothing here reads an environment variable or the home directory.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::{ClusterError, KubeCluster, Result};

/// Which cluster to connect to.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// kubeconfig files, merged as kubectl merges `$KUBECONFIG`. Empty: the service account of the pod we run in.
    pub kubeconfig: Vec<PathBuf>,
    /// Context; `None`: the file's current context.
    pub context: Option<String>,
    /// Allow the kubeconfig to start a program for credentials (`exec`, `auth-provider` with a command). Off by
    /// default: a kubeconfig from elsewhere could run anything (CVE-2022-24817).
    pub allow_exec: bool,
}

/// A connected cluster and what its kubeconfig calls it.
#[derive(Debug)]
pub struct Connection {
    /// The backend.
    pub cluster: KubeCluster,
    /// The context's name; `in-cluster` for a pod's service account.
    pub context: String,
    /// The API server's address.
    pub server: String,
}

/// Connects to a cluster. No request is sent yet.
///
/// # Errors
/// [`ClusterError::Config`] when a file cannot be read, names no such context, or wants to run a program.
pub async fn connect(options: &ConnectOptions) -> Result<Connection> {
    // Only the first installation of a provider counts; a host program may have chosen its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (context, config) = if options.kubeconfig.is_empty() {
        let config = kube::Config::incluster()
            .map_err(|e| config_error(format!("no file was given and this is no pod ({e})")))?;
        ("in-cluster".to_owned(), config)
    } else {
        let file = read(&options.kubeconfig)?;
        let context = choose_context(&file, options)?;
        refuse_exec(&file, &context, options)?;
        let choice = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let config =
            kube::Config::from_custom_kubeconfig(file, &choice).await.map_err(|e| config_error(e.to_string()))?;
        (context, config)
    };
    let server = config.cluster_url.to_string();
    let client = kube::Client::try_from(config).map_err(|e| config_error(e.to_string()))?;
    Ok(Connection { cluster: KubeCluster::new(context.clone(), client), context, server })
}

fn read(paths: &[PathBuf]) -> Result<Kubeconfig> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths {
        let file = Kubeconfig::read_from(path).map_err(|e| {
            config_error(format!("{}: {e}; give an existing file with --kubeconfig, or use --embedded", path.display()))
        })?;
        merged = Some(match merged {
            None => file,
            Some(first) => first.merge(file).map_err(|e| config_error(e.to_string()))?,
        });
    }
    merged.ok_or_else(|| config_error("no file given".into()))
}

fn choose_context(file: &Kubeconfig, options: &ConnectOptions) -> Result<String> {
    let names: Vec<&str> = file.contexts.iter().map(|c| c.name.as_str()).collect();
    let chosen = options.context.as_deref().or(file.current_context.as_deref()).unwrap_or_default();
    if names.contains(&chosen) {
        return Ok(chosen.into());
    }
    Err(config_error(match chosen {
        "" => format!("no current context; choose one with --context ({})", names.join(", ")),
        missing => format!("there is no context {missing:?}; there are: {}", names.join(", ")),
    }))
}

fn refuse_exec(file: &Kubeconfig, context: &str, options: &ConnectOptions) -> Result<()> {
    if options.allow_exec {
        return Ok(());
    }
    let user = file.contexts.iter().find(|c| c.name == context).and_then(|c| c.context.as_ref()?.user.clone());
    let auth = file.auth_infos.iter().find(|a| Some(&a.name) == user.as_ref()).and_then(|a| a.auth_info.as_ref());
    match auth {
        Some(auth) if auth.exec.is_some() || auth.auth_provider.is_some() => Err(config_error(format!(
            "the context {context:?} starts a program for its credentials; allow it with --allow-exec if you trust the file"
        ))),
        _ => Ok(()),
    }
}

fn config_error(message: String) -> ClusterError {
    ClusterError::Config { message }
}
