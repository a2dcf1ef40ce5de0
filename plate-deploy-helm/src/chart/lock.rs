//! `helm dependency build` without the network: `Chart.lock` against `Chart.yaml` and against what is in `charts/`.

use sha2::{Digest as _, Sha256};

use super::{Chart, ChartError, Dependency};
use crate::value::{Value, json};

impl Chart {
    /// Checks that the lock fits the declared dependencies (Helm's digest) and that `charts/` holds exactly the
    /// locked versions. A chart without dependencies passes; one without a lock passes when nothing is missing.
    ///
    /// # Errors
    /// [`ChartError::Dependencies`]: the lock is out of sync (Helm's text), or a vendored chart is missing or of
    /// another version.
    pub fn check_lock(&self) -> Result<(), ChartError> {
        let declared = &self.metadata.dependencies;
        if declared.is_empty() {
            return Ok(());
        }
        let missing = self.missing_dependencies();
        if !missing.is_empty() {
            let names = missing.join(", ");
            let text = format!("found in Chart.yaml, but missing in charts/ directory: {names}");
            return Err(ChartError::Dependencies(text));
        }
        let Some(lock) = &self.lock else { return Ok(()) };
        let is_v1 = self.metadata.api_version == "v1";
        let fits =
            lock.digest == digest(declared, &lock.dependencies) || (is_v1 && lock.digest == digest_of_helm2(declared));
        if !fits {
            let (lock, file) =
                if is_v1 { ("requirements.lock", "requirements.yaml") } else { ("Chart.lock", "Chart.yaml") };
            return Err(ChartError::Dependencies(format!(
                "the lock file ({lock}) is out of sync with the dependencies file ({file}). Please update the \
                 dependencies with 'helm dependency update'"
            )));
        }
        for locked in &lock.dependencies {
            let found = self.dependencies.iter().filter(|chart| chart.name() == locked.name);
            let versions: Vec<&str> = found.map(|chart| chart.metadata.version.as_str()).collect();
            let same = |version: &&str| version.trim_start_matches('v') == locked.version.trim_start_matches('v');
            if !versions.iter().any(same) {
                return Err(ChartError::Dependencies(format!(
                    "dependency {} is locked to version {} but charts/ holds {}; vendor the locked version",
                    locked.name,
                    locked.version,
                    versions.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Helm's `HashReq`: SHA-256 of Go's JSON of both lists.
fn digest(declared: &[Dependency], locked: &[Dependency]) -> String {
    hash(&format!("[{},{}]", list(declared), list(locked)))
}

/// The hash of a lock that Helm 2 wrote.
fn digest_of_helm2(declared: &[Dependency]) -> String {
    hash(&format!("{{\"dependencies\":{}}}", list(declared)))
}

fn hash(text: &str) -> String {
    let sum = Sha256::digest(text.as_bytes());
    format!("sha256:{}", sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn list(dependencies: &[Dependency]) -> String {
    if dependencies.is_empty() {
        return "null".to_owned();
    }
    format!("[{}]", dependencies.iter().map(object).collect::<Vec<_>>().join(","))
}

/// A dependency as Go marshals the struct: fields in their order, empty ones left out.
fn object(dependency: &Dependency) -> String {
    let text = |s: &str| {
        let mut out = String::new();
        json::write_string(&mut out, s, true);
        out
    };
    let mut fields = vec![format!("\"name\":{}", text(&dependency.name))];
    if !dependency.version.is_empty() {
        fields.push(format!("\"version\":{}", text(&dependency.version)));
    }
    fields.push(format!("\"repository\":{}", text(&dependency.repository)));
    if !dependency.condition.is_empty() {
        fields.push(format!("\"condition\":{}", text(&dependency.condition)));
    }
    if !dependency.tags.is_empty() {
        let tags: Vec<String> = dependency.tags.iter().map(|tag| text(tag)).collect();
        fields.push(format!("\"tags\":[{}]", tags.join(",")));
    }
    if dependency.enabled {
        fields.push("\"enabled\":true".to_owned());
    }
    if !dependency.import_values.is_empty() {
        let items: Vec<Value> = dependency.import_values.iter().map(Value::from).collect();
        // Values from a file hold nothing that JSON cannot.
        fields.push(format!("\"import-values\":{}", json::encode(&Value::list(items)).unwrap_or_default()));
    }
    if !dependency.alias.is_empty() {
        fields.push(format!("\"alias\":{}", text(&dependency.alias)));
    }
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(lock: &str, version: &str) -> Chart {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let declared = "dependencies:\n- name: common\n  repository: https://charts.example.com/\n  version: 2.x.x\n";
        Chart::from_dir_files(vec![
            file("Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: 1.0.0\n{declared}")),
            file("Chart.lock", lock),
            file("charts/common/Chart.yaml", &format!("apiVersion: v2\nname: common\nversion: {version}\n")),
        ])
        .unwrap()
    }

    #[test]
    fn locks_are_checked() {
        let declared = Dependency {
            name: "common".into(),
            version: "2.x.x".into(),
            repository: "https://charts.example.com/".into(),
            ..Dependency::default()
        };
        let locked = Dependency { version: "2.31.0".into(), ..declared.clone() };
        let text = r#"[{"name":"common","version":"2.x.x","repository":"https://charts.example.com/"}]"#;
        assert_eq!(list(&[declared.clone()]), text);
        let sum = digest(&[declared], &[locked]);
        let lock = |digest: &str| {
            format!(
                "dependencies:\n- name: common\n  repository: https://charts.example.com/\n  version: 2.31.0\n\
                 digest: {digest}\ngenerated: \"2024-01-01T00:00:00Z\"\n"
            )
        };
        assert!(chart(&lock(&sum), "2.31.0").check_lock().is_ok());
        let error = chart(&lock("sha256:0"), "2.31.0").check_lock().unwrap_err().to_string();
        assert!(error.starts_with("the lock file (Chart.lock) is out of sync"), "{error}");
        let error = chart(&lock(&sum), "2.30.0").check_lock().unwrap_err().to_string();
        assert!(error.contains("locked to version 2.31.0 but charts/ holds 2.30.0"), "{error}");
    }
}
