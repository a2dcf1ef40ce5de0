//! Encryption of Secrets in backups with age: to recipients whose private keys need not be here.

use std::io::{Read, Write};

use super::BackupError;

/// Public keys (`age1…`) that a backup is encrypted to.
#[derive(Clone, Default)]
pub struct Recipients {
    keys: Vec<age::x25519::Recipient>,
}

impl std::fmt::Debug for Recipients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(ToString::to_string)).finish()
    }
}

impl Recipients {
    /// From public keys as `age-keygen` prints them.
    ///
    /// # Errors
    /// [`BackupError::Key`] for a text that is none.
    pub fn parse<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Self, BackupError> {
        let parse = |key: &str| {
            // A private key given by mistake must not be repeated.
            let shown = if key.starts_with("age1") { key } else { "the given text" };
            key.trim()
                .parse()
                .map_err(|why| BackupError::Key(format!("{shown} is no age recipient (age1…): {why}")))
        };
        Ok(Self { keys: keys.into_iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>, BackupError> {
        let failed = |error: String| BackupError::Key(format!("cannot encrypt the Secrets: {error}"));
        let keys = self.keys.iter().map(|key| key as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(keys).map_err(|e| failed(e.to_string()))?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(e.to_string()))?;
        writer.write_all(text).and_then(|()| writer.finish().map(drop)).map_err(|e| failed(e.to_string()))?;
        Ok(sealed)
    }
}

/// Private keys (`AGE-SECRET-KEY-1…`) that open backups. `Debug` does not show them.
#[derive(Clone, Default)]
pub struct Identities {
    keys: Vec<age::x25519::Identity>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({})", self.keys.len())
    }
}

impl Identities {
    /// From the text of an identity file: one key a line, lines with `#` are comments.
    ///
    /// # Errors
    /// [`BackupError::Key`] with the number of the first line that is none; never with its text.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate().map(|(n, line)| (n + 1, line.trim())) {
            if !line.is_empty() && !line.starts_with('#') {
                let key = line.parse().map_err(|_| {
                    BackupError::Key(format!("line {n} of the identity file is no age key (AGE-SECRET-KEY-1…)"))
                })?;
                keys.push(key);
            }
        }
        Ok(Self { keys })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn decrypt(&self, sealed: &[u8], limit: u64) -> Result<Vec<u8>, BackupError> {
        let failed = |error: String| BackupError::Key(format!("cannot decrypt the Secrets: {error}"));
        let decryptor = age::Decryptor::new(sealed).map_err(|e| failed(e.to_string()))?;
        let keys = self.keys.iter().map(|key| key as &dyn age::Identity);
        let reader = decryptor.decrypt(keys).map_err(|e| failed(e.to_string()))?;
        let mut text = Vec::new();
        reader.take(limit).read_to_end(&mut text).map_err(|e| failed(e.to_string()))?;
        Ok(text)
    }
}
