//! Parsed templates, kept by their text and shared between renders and threads.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
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
    by_text: HashMap<Text, Outcome>,
    bytes: usize,
}

/// A text as a key. Its hash looks at parts of it only: hashing all of a large file takes longer than parsing it, when
/// it has few actions.
#[derive(Debug, PartialEq, Eq)]
struct Text(Arc<[u8]>);

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        const PART: usize = 64;
        let text = &self.0;
        state.write_usize(text.len());
        for start in [0, text.len() / 2, text.len().saturating_sub(PART)] {
            state.write(text.get(start..text.len().min(start + PART)).unwrap_or_default());
        }
    }
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
            if let Some(parsed) = kept.by_text.get(&Text(Arc::clone(text))).cloned() {
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
        kept.by_text.entry(Text(Arc::clone(text))).or_insert_with(|| parsed.clone());
    }
}
