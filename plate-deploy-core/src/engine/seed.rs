//! The secret behind repeatable renders, kept in the state directory.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::EngineError;
use crate::render::RenderSeed;

/// File in the state directory.
const FILE: &str = "render-seed.json";

#[derive(Serialize, Deserialize)]
struct Stored {
    key: [u8; 32],
    created: Timestamp,
}

/// Reads the secret, making it the first time.
pub(super) fn load(state_dir: &Path) -> Result<RenderSeed, EngineError> {
    let path = state_dir.join(FILE);
    // The error's text must not repeat the file's.
    let error = |message: &str| EngineError::Folder { path: path.display().to_string(), message: message.into() };
    if let Ok(text) = fs::read(&path) {
        let stored: Stored = serde_json::from_slice(&text)
            .map_err(|_| error("is damaged; remove it, and charts that make passwords make new ones"))?;
        return Ok(RenderSeed { key: stored.key, now: stored.created });
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|e| error(&e.to_string()))?;
    let stored = Stored { key, created: Timestamp::now() };
    let text = serde_json::to_vec(&stored).map_err(|_| error("cannot be written"))?;
    // Written beside and renamed, so that a killed run leaves no half of it.
    let draft = state_dir.join(format!("{FILE}.new"));
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)).map_err(|e| error(&e.to_string()))?;
    Ok(RenderSeed { key, now: stored.created })
}
