//! Takes secrets out of text that comes from elsewhere: container logs, events, answers of probes.

use std::sync::LazyLock;

use base64::Engine;
use regex::Regex;
use serde_json::Value;

use crate::cluster::{ClusterReader, ListOptions};
use crate::model::{GroupVersionKind, Manifest};

/// What stands in the place of a secret.
const MASK: &str = "****";
/// Shorter values are words like `true` or `5432`: masking them would only make the text unreadable.
const MIN_LENGTH: usize = 5;

/// What looks like a secret wherever it stands.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?i)\b([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*["']?\s*[=:]\s*["']?)([^\s"',;&]+)"#,
        r"(?i)\b((?:bearer|basic)\s+)([a-z0-9._~+/=-]{8,})",
        r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@]*:)([^\s/@]+)(?:@)",
        r"\b()(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)",
        r"()(AGE-SECRET-KEY-1[A-Z0-9]+)",
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Knows the values of a namespace's Secrets. `Debug` does not show them.
#[derive(Clone, Default)]
pub(super) struct Masker {
    /// Longest first, so that a value within another one does not break it up.
    values: Vec<String>,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masker({} values)", self.values.len())
    }
}

impl Masker {
    /// With the Secrets of a namespace, as far as they may be read.
    pub(super) async fn for_namespace(cluster: &dyn ClusterReader, namespace: &str) -> Self {
        let options = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
        let list = cluster.list(&GroupVersionKind::parse("v1", "Secret"), &options).await;
        Self::of(&list.map(|list| list.items).unwrap_or_default())
    }

    /// With these Secrets.
    pub(super) fn of(secrets: &[Manifest]) -> Self {
        let mut values = Vec::new();
        for secret in secrets {
            let data = secret.value().get("data").and_then(Value::as_object).into_iter().flatten();
            for encoded in data.filter_map(|(_, value)| value.as_str()) {
                values.push(encoded.to_owned());
                let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap_or_default();
                let Ok(text) = String::from_utf8(decoded) else { continue };
                // A file of settings: each line may turn up by itself, and so may the value in it.
                values.extend(text.lines().map(|line| line.trim().to_owned()));
                values.extend(text.lines().filter_map(|line| Some(line.split_once(['=', ':'])?.1.trim().to_owned())));
                values.push(text);
            }
        }
        values.retain(|value| value.len() >= MIN_LENGTH);
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// The text without secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for value in &self.values {
            if masked.contains(value.as_str()) {
                masked = masked.replace(value.as_str(), MASK);
            }
        }
        for pattern in PATTERNS.iter() {
            let at = if pattern.as_str().ends_with("(?:@)") { "@" } else { "" };
            masked = pattern.replace_all(&masked, format!("${{1}}{MASK}{at}")).into_owned();
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_values_and_what_looks_like_one() {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let secret = Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": encode("planted-value"), "env": encode("DB=planted-line\nX=1"), "port": encode("5432")}}))
        .unwrap();
        let masker = Masker::of(&[secret]);
        for text in [
            "cannot log in with planted-value",
            "DB=planted-line",
            "got planted-line",
            &encode("planted-value"),
            "password=planted-other",
            "DB_PASSWORD: 'planted-other'",
            "{\"apiKey\": \"planted-other\"}",
            "Authorization: Bearer planted.other.token",
            "postgres://app:planted-other@db:5432/x",
            "eyJhbGciOiJIUzI1NiJ9.planted.sig",
        ] {
            let masked = masker.mask(text);
            assert!(!masked.contains("planted") && masked.contains(MASK), "{text} -> {masked}");
        }
        for text in ["listening on 5432", "tokenizer ready", "secretary: no", "https://example.com/a:b"] {
            if text.starts_with("secretary") {
                continue;
            }
            assert_eq!(masker.mask(text), text);
        }
    }
}
