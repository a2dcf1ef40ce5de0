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
    /// By address, for charts that are rendered again: no need to hash the text. Holding the text keeps the address
    /// from being given to another.
    by_address: HashMap<usize, (Arc<[u8]>, Outcome)>,
    by_text: HashMap<Arc<[u8]>, Outcome>,
    bytes: usize,
}

type Outcome = Result<Arc<Parsed>, ParseError>;

impl ParseCache {
    /// The parsed form of a text.
    pub(super) fn get(&self, text: &Arc<[u8]>) -> Outcome {
        let address = text.as_ptr() as usize;
        {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, parsed)) = kept.by_address.get(&address).filter(|(known, _)| Arc::ptr_eq(known, text)) {
                return parsed.clone();
            }
            if let Some(parsed) = kept.by_text.get(text).cloned() {
                drop(kept);
                self.keep(text, &parsed);
                return parsed;
            }
        }
        let parsed = parse(Arc::clone(text), &functions::Table).map(Arc::new);
        self.keep(text, &parsed);
        parsed
    }

    fn keep(&self, text: &Arc<[u8]>, parsed: &Outcome) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes > MAX_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += text.len();
        kept.by_address.insert(text.as_ptr() as usize, (Arc::clone(text), parsed.clone()));
        kept.by_text.entry(Arc::clone(text)).or_insert_with(|| parsed.clone());
    }
}
