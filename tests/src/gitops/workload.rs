//! The repository that both sides deploy.

use anyhow::Result;
use serde_json::{Value, json};

use crate::control_plane::GitRepository;

/// Applications of a ConfigMap, a Service and a Deployment each, plain manifests, in one repository and namespace.
#[derive(Debug)]
pub struct Workload {
    /// The repository.
    pub repository: GitRepository,
    /// Namespace of all objects.
    pub namespace: String,
    /// How many Applications.
    pub count: usize,
}

impl Workload {
    /// Writes and commits the repository.
    ///
    /// # Errors
    /// When a file cannot be written, or git fails.
    pub fn new(count: usize, namespace: &str) -> Result<Self> {
        let empty = tempfile::tempdir()?;
        std::fs::write(empty.path().join("README.md"), "Made by bench-gitops.\n")?;
        let repository = GitRepository::from_folder(empty.path())?;
        let workload = Self { repository, namespace: namespace.to_owned(), count };
        for n in 0..count {
            let name = Self::name(n);
            let folder = format!("manifests/{name}");
            let write = |file: &str, value: Value| -> Result<()> {
                workload.repository.write(&format!("{folder}/{file}"), &serde_yaml::to_string(&value)?)
            };
            write("config.yaml", config_map(&name, 0))?;
            write("service.yaml", service(&name))?;
            write("deployment.yaml", deployment(&name))?;
            let application = serde_yaml::to_string(&workload.application(n))?;
            workload.repository.write(&format!("applications/{name}.yaml"), &application)?;
        }
        workload.repository.commit("The workload")?;
        Ok(workload)
    }

    /// Name of an Application and its objects.
    #[must_use]
    pub fn name(n: usize) -> String {
        format!("app-{n:04}")
    }

    /// An Application, automated with prune and self-heal.
    #[must_use]
    pub fn application(&self, n: usize) -> Value {
        let name = Self::name(n);
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default",
                "source": {"repoURL": self.repository.url(), "targetRevision": "main", "path": format!("manifests/{name}")},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}}})
    }

    /// Changes one Application's ConfigMap and commits it.
    ///
    /// # Errors
    /// As [`Workload::new`].
    pub fn push(&self, n: usize, value: usize) -> Result<()> {
        let name = Self::name(n);
        let text = serde_yaml::to_string(&config_map(&name, value))?;
        self.repository.write(&format!("manifests/{name}/config.yaml"), &text)?;
        self.repository.commit("A change")?;
        Ok(())
    }
}

fn config_map(name: &str, value: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}},
        "data": {"value": value.to_string(), "settings.properties": "a=1\nb=2\nc=3\n"}})
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{
                "name": "web", "image": "registry.example.com/web:1.0.0",
                "ports": [{"containerPort": 8080}],
                "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "16Mi"}}}]}}}})
}
