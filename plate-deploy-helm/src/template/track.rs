//! Notes which keys of which maps templates read, so that values nobody reads can be told.

use std::collections::HashSet;

use crate::value::{Map, Str, Value};

/// Reads seen so far, by map identity: aliases of one map count as one.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    keys: HashSet<(usize, Str)>,
    maps: HashSet<usize>,
    whole: HashSet<usize>,
}

impl Tracker {
    /// A key was read.
    pub(super) fn key(&mut self, map: &Map, key: &str) {
        self.keys.insert((map.identity(), key.into()));
        self.maps.insert(map.identity());
    }

    /// A value was used as a whole (printed, ranged over, given to a function): all that is in it counts as read.
    pub(super) fn whole(&mut self, value: &Value) {
        if let Value::Map(map) = value {
            self.whole.insert(map.identity());
        }
    }

    /// The paths below `map` that nobody read, dotted and sorted. A map none of whose keys was read is one path.
    #[must_use]
    pub fn unread(&self, map: &Map) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(map, "", 0, &mut paths);
        paths
    }

    /// Whether anything in a map was read under another name: a subchart's table is the subchart's `.Values`.
    fn touched(&self, value: &Value, depth: usize) -> bool {
        let Value::Map(map) = value else { return false };
        let id = map.identity();
        depth <= 100
            && (self.whole.contains(&id)
                || self.maps.contains(&id)
                || map.snapshot().iter().any(|(_, inner)| self.touched(inner, depth + 1)))
    }

    fn collect(&self, map: &Map, prefix: &str, depth: usize, paths: &mut Vec<String>) {
        if depth > 100 || self.whole.contains(&map.identity()) {
            return;
        }
        for (key, value) in map.snapshot() {
            let path = if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") };
            if !self.keys.contains(&(map.identity(), key)) && !self.touched(&value, depth) {
                paths.push(path);
            } else if let Value::Map(inner) = value {
                self.collect(&inner, &path, depth + 1, paths);
            }
        }
    }
}
