//! Parsed templates, kept by their text and shared between renders and threads.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::functions;
use crate::template::{ParseError, Parsed, parse};

/// Text kept before the cache starts anew. All of kube-prometheus-stack is 2 MiB.
const MAX_BYTES: usize = 64 << 20;

/// A cache of parsed templates. It knows texts, not files: the same file in two charts, or in two revisions of one, is
/// parsed once.
#[derive(Debug, Default)]
pub(super) struct ParseCache {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    parsed: HashMap<Arc<[u8]>, Result<Arc<Parsed>, ParseError>>,
    bytes: usize,
}

impl ParseCache {
    /// The parsed form of a text.
    pub(super) fn get(&self, text: &Arc<[u8]>) -> Result<Arc<Parsed>, ParseError> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).parsed.get(text).cloned();
        if let Some(parsed) = kept {
            return parsed;
        }
        let parsed = parse(Arc::clone(text), &functions::Table).map(Arc::new);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes > MAX_BYTES {
            *kept = Kept::default();
        }
        if kept.parsed.insert(Arc::clone(text), parsed.clone()).is_none() {
            kept.bytes += text.len();
        }
        parsed
    }
}
