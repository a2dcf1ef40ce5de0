//! Comparing Secrets without keeping their values: a keyed hash of each.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::normalize;
use crate::model::Manifest;

/// The key of the hashes. Without it nobody can try values against them.
#[derive(Clone)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A key of 32 random bytes, which the caller keeps.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA256.
    fn hash(&self, text: &[u8]) -> String {
        const BLOCK: usize = 64;
        let pad = |byte: u8| {
            let mut block = [byte; BLOCK];
            block.iter_mut().zip(self.0).for_each(|(b, k)| *b ^= k);
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        outer.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The hashes of a Secret's values by their names; two Secrets hold the same values when these are equal. Equal values
/// under different names have different hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFingerprints(BTreeMap<String, String>);

impl SecretFingerprints {
    /// Hashes `data` and `stringData`; values that are not text count by their JSON.
    #[must_use]
    pub fn of(secret: &Manifest, key: &SecretKey) -> Self {
        let mut object = secret.value().clone();
        normalize::secret(&mut object);
        let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
        let hash = |name: &str, value: &Value| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            key.hash(format!("{}:{name}{value}", name.len()).as_bytes())
        };
        Self(data.map(|(name, value)| (name.clone(), hash(name, value))).collect())
    }

    /// The Secret with these hashes, shortened, in place of its values.
    #[must_use]
    pub fn masked(&self, secret: Manifest) -> Value {
        let mut object = secret.into_value();
        if let Some(map) = object.as_object_mut() {
            map.remove("stringData");
            let short = |hash: &String| Value::from(format!("hmac:{}", hash.get(..16).unwrap_or(hash)));
            let data = self.0.iter().map(|(name, hash)| (name.clone(), short(hash)));
            map.insert("data".into(), Value::Object(data.collect()));
            // What was applied last repeats the values.
            let notes = map.get_mut("metadata").and_then(|m| m.get_mut("annotations")).and_then(Value::as_object_mut);
            if let Some(notes) = notes {
                notes.remove(crate::model::annotations::LAST_APPLIED);
            }
        }
        object
    }

    /// The names whose values differ or that only one of the two has.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let own = self.0.iter().filter(|(name, hash)| other.0.get(*name) != Some(hash));
        let foreign = other.0.keys().filter(|name| !self.0.contains_key(*name));
        own.map(|(name, _)| name.as_str()).chain(foreign.map(String::as_str)).collect()
    }
}
