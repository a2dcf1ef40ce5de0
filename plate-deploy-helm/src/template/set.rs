//! Named templates: the set that all files of a render share, and the scopes that `tpl` lays over it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::ast::{Definition, List, Parsed};

/// A template that can be run: a definition, and the file it came from.
#[derive(Debug)]
pub struct Entry {
    /// The name it is run by.
    pub(super) name: Rc<str>,
    /// The file, for error messages.
    pub(super) file: Rc<str>,
    pub(super) parsed: Arc<Parsed>,
    /// `None`: the text's own body.
    definition: Option<Arc<Definition>>,
}

impl Entry {
    /// The entry of a text's own body.
    #[must_use]
    pub fn body_of(name: Rc<str>, parsed: Arc<Parsed>) -> Self {
        Self { file: Rc::clone(&name), name, parsed, definition: None }
    }

    /// The text it is part of.
    #[must_use]
    pub fn parsed(&self) -> &Arc<Parsed> {
        &self.parsed
    }

    fn definition(&self) -> &Definition {
        self.definition.as_deref().unwrap_or(&self.parsed.body)
    }

    pub(super) fn body(&self) -> &List {
        &self.definition().body
    }

    fn is_empty(&self) -> bool {
        self.definition().is_empty()
    }
}

/// Named templates, and those of the scopes around.
#[derive(Debug, Default)]
pub struct Scope {
    entries: RefCell<HashMap<Rc<str>, Rc<Entry>>>,
    parent: Option<Rc<Scope>>,
}

impl Scope {
    /// A scope inside another: what it defines is hidden from the other.
    #[must_use]
    pub fn inside(parent: &Rc<Scope>) -> Self {
        Self { entries: RefCell::default(), parent: Some(Rc::clone(parent)) }
    }

    /// Adds a text's definitions and its body under the file's name. A later one replaces an earlier one of the same
    /// name, unless it is empty (Go's rule).
    pub fn add(&self, file: &Rc<str>, parsed: &Arc<Parsed>) {
        for definition in &parsed.definitions {
            let name: Rc<str> = Rc::from(&*definition.name);
            self.put(Entry {
                name,
                file: Rc::clone(file),
                parsed: Arc::clone(parsed),
                definition: Some(Arc::clone(definition)),
            });
        }
        self.put(Entry::body_of(Rc::clone(file), Arc::clone(parsed)));
    }

    fn put(&self, entry: Entry) {
        if entry.is_empty() && self.get(&entry.name).is_some() {
            return;
        }
        self.entries.borrow_mut().insert(Rc::clone(&entry.name), Rc::new(entry));
    }

    /// The template of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Rc<Entry>> {
        let mut scope = self;
        loop {
            if let Some(entry) = scope.entries.borrow().get(name) {
                return Some(Rc::clone(entry));
            }
            scope = scope.parent.as_deref()?;
        }
    }
}
