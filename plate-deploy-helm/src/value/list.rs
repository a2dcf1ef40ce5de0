//! Go slices: items shared, never changed in place.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use super::drop::{Contents, free};
use super::{Str, Value};

/// The element type of a [`List`]; visible through `typeOf`, `printf "%T"` and `kindOf` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ListKind {
    /// `[]interface {}`.
    #[default]
    Any,
    /// `[]string` (`splitList`, `keys`, `sortAlpha` …).
    String,
    /// `[]int` (`until`, `untilStep`).
    Int,
    /// `[][]interface {}` (`chunk`).
    Lists,
    /// `[]uint8`: bytes; prints as numbers, `%s` as text.
    Bytes,
}

/// A Go slice. Cloning is one reference count.
#[derive(Clone, Default)]
pub struct List {
    items: Rc<Items>,
    kind: ListKind,
    nil: bool,
}

#[derive(Default)]
struct Items {
    /// Bytes that nobody has looked at one by one yet.
    bytes: Option<Arc<[u8]>>,
    values: OnceCell<Vec<Value>>,
}

impl List {
    /// A list with the given element type.
    #[must_use]
    pub fn new(items: Vec<Value>, kind: ListKind) -> Self {
        Self { items: Rc::new(Items { bytes: None, values: OnceCell::from(items) }), kind, nil: false }
    }

    /// A `[]uint8`.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            items: Rc::new(Items { bytes: Some(bytes.into()), values: OnceCell::new() }),
            kind: ListKind::Bytes,
            nil: false,
        }
    }

    /// A nil slice: empty, but `null` in JSON and YAML (`rest` of an empty list, `regexFindAll` without a match).
    #[must_use]
    pub fn nil(kind: ListKind) -> Self {
        let mut list = Self::new(Vec::new(), kind);
        list.nil = true;
        list
    }

    /// Whether it is a nil slice.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The element type.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.bytes.as_ref().map_or_else(|| self.items().len(), |bytes| bytes.len())
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items. Of a `[]uint8` made from bytes they are made on first use: prefer [`List::bytes`] there.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        self.items.values.get_or_init(|| {
            self.items.bytes.iter().flat_map(|bytes| bytes.iter()).map(|byte| Value::Uint(u64::from(*byte))).collect()
        })
    }

    /// The items of a `[]uint8` as bytes; items that are no bytes are left out.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(bytes) = &self.items.bytes {
            return bytes.to_vec();
        }
        self.items()
            .iter()
            .filter_map(|item| match item {
                Value::Uint(n) => u8::try_from(*n).ok(),
                Value::Int(n, _) => u8::try_from(*n).ok(),
                _ => None,
            })
            .collect()
    }

    /// The items of a `[]uint8` as a Go string.
    #[must_use]
    pub fn to_str(&self) -> Str {
        match &self.items.bytes {
            Some(bytes) => Str::from(&**bytes),
            None => Str::from(self.bytes()),
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let values = Rc::get_mut(&mut self.items).and_then(|items| items.values.take());
        if let Some(values) = values.filter(|values| !values.is_empty()) {
            free(Contents::List(values));
        }
    }
}

impl FromIterator<Value> for List {
    fn from_iter<T: IntoIterator<Item = Value>>(iter: T) -> Self {
        Self::new(iter.into_iter().collect(), ListKind::Any)
    }
}
