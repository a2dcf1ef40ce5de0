//! Merging of values: the user's over the chart's, a parent's over its subcharts', globals into all.
//!
//! Go maps are references and Helm's merge leans on it: a nested global is the same map in every chart. [`Map`] shares
//! the same way, so that what templates change shows where it does in Helm.

use std::collections::HashSet;

use super::{ChartError, RenderChart};
use crate::value::{List, Map, Str, Value, print};

/// The key whose table all subcharts see.
const GLOBAL: &str = "global";

/// Merges values and collects what Helm would log.
#[derive(Debug)]
pub(super) struct Coalescer {
    /// Whether nulls in chart defaults are dropped (Helm 4) or kept (Helm 3).
    pub(super) clean_nulls: bool,
    /// Helm's log lines, without prefix.
    pub(super) warnings: Vec<String>,
}

impl Coalescer {
    /// Helm's `CoalesceValues`: nulls of the user remove keys.
    pub(super) fn coalesce(&mut self, chart: &RenderChart<'_>, user: &Map) -> Result<Map, ChartError> {
        let values = deep_copy_map(user);
        self.chart(chart, &values, "", false)?;
        Ok(values)
    }

    /// Helm's `MergeValues`: nulls stay.
    pub(super) fn merge(&mut self, chart: &RenderChart<'_>, user: &Map) -> Result<Map, ChartError> {
        let values = deep_copy_map(user);
        self.chart(chart, &values, "", true)?;
        Ok(values)
    }

    fn chart(&mut self, chart: &RenderChart<'_>, dest: &Map, prefix: &str, merge: bool) -> Result<(), ChartError> {
        let path = join(prefix, chart.name());
        self.defaults(chart, dest, &path, merge);
        for subchart in &chart.dependencies {
            let scoped = match dest.get(subchart.name()) {
                None => {
                    let fresh = Map::new();
                    dest.insert(subchart.name(), Value::Map(fresh.clone()));
                    fresh
                }
                Some(Value::Map(map)) => map,
                Some(other) => {
                    let shown = match &other {
                        Value::Bool(b) => b.to_string(),
                        other => print::with_verb(other, 't'),
                    };
                    return Err(ChartError::TypeMismatch { name: subchart.name().to_owned(), shown });
                }
            };
            self.globals(&scoped, dest, &path);
            self.chart(subchart, &scoped, &path, merge)?;
        }
        Ok(())
    }

    /// The chart's own defaults under the values that are there.
    fn defaults(&mut self, chart: &RenderChart<'_>, dest: &Map, path: &str, merge: bool) {
        for (key, default) in chart.values.borrow().iter() {
            let key = key.text();
            match (dest.get(&key), default) {
                (Some(Value::Nil), _) => {
                    if !merge {
                        dest.remove(&key);
                    }
                }
                (Some(Value::Map(table)), Value::Map(default)) => {
                    let is_child = chart.dependencies.iter().any(|dependency| dependency.name() == key);
                    let merge = merge || is_child;
                    let default = deep_copy_map(default);
                    if !merge && self.clean_nulls {
                        remove_nulls(&default);
                    }
                    self.tables(&table, &default, &join(path, &key), merge);
                }
                (Some(Value::Map(_)), other) if !other.is_nil() => {
                    self.warn(format!("warning: skipped value for {path}.{key}: Not a table."));
                }
                (Some(_), _) => {}
                (None, Value::Nil) if !merge && self.clean_nulls => {}
                (None, default) => {
                    let default = deep_copy(default);
                    if let (false, true, Value::Map(map)) = (merge, self.clean_nulls, &default) {
                        remove_nulls(map);
                    }
                    dest.insert(key.as_ref(), default);
                }
            }
        }
    }

    /// The parent's globals into a subchart's values; the parent's win.
    fn globals(&mut self, dest: &Map, source: &Map, path: &str) {
        let into = match dest.get(GLOBAL) {
            None => Map::new(),
            Some(Value::Map(map)) => map,
            Some(_) => {
                self.warn("warning: skipping globals because destination global is not a table.".into());
                return;
            }
        };
        let from = match source.get(GLOBAL) {
            None => Map::new(),
            Some(Value::Map(map)) => map,
            Some(_) => {
                self.warn("warning: skipping globals because source global is not a table.".into());
                return;
            }
        };
        for (key, value) in from.snapshot() {
            let key = key.text();
            match (&value, into.get(&key)) {
                (Value::Map(table), None) => into.insert(key.as_ref(), Value::Map(table.copy())),
                (Value::Map(table), Some(Value::Map(old))) => {
                    let table = table.copy();
                    self.tables(&table, &old, &join(path, &key), true);
                    into.insert(key.as_ref(), Value::Map(table));
                }
                (Value::Map(_), Some(_)) => {
                    self.warn(format!("Conflict: cannot merge map onto non-map for {key:?}. Skipping."));
                }
                (_, Some(Value::Map(_))) => self.warn(format!("key {key} is table. Skipping")),
                _ => into.insert(key.as_ref(), value),
            }
        }
        dest.insert(GLOBAL, Value::Map(into));
    }

    /// Helm's `coalesceTables`: `dest` wins. `source` is changed on the way: give a copy.
    pub(super) fn tables(&mut self, dest: &Map, source: &Map, path: &str, merge: bool) {
        let given: HashSet<Str> = source.borrow().iter().filter(|(_, v)| !v.is_nil()).map(|(k, _)| k.clone()).collect();
        for (key, value) in dest.snapshot() {
            if value.is_nil() {
                source.insert(key, Value::Nil);
            }
        }
        for (key, value) in source.snapshot() {
            let was_given = given.contains(&key);
            let key = key.text();
            match (dest.get(&key), &value) {
                // The user nulls a default away. A null for something without a default stays.
                (Some(Value::Nil), _) if !merge && was_given => {
                    dest.remove(&key);
                }
                (None, _) => dest.insert(key.as_ref(), value),
                (Some(Value::Map(table)), Value::Map(default)) => {
                    self.tables(&table, default, &join(path, &key), merge);
                }
                (Some(_), Value::Map(_)) => {
                    let (full, shown) = (join(path, &key), print::to_string(&value));
                    self.warn(format!("warning: cannot overwrite table with non table for {full} ({shown})"));
                }
                (Some(Value::Map(_)), other) if !other.is_nil() => {
                    let (full, shown) = (join(path, &key), print::to_string(other));
                    self.warn(format!(
                        "warning: destination for {full} is a table. Ignoring non-table value ({shown})"
                    ));
                }
                _ => {}
            }
        }
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Helm's `cleanNilValues`.
fn remove_nulls(map: &Map) {
    for (key, value) in map.snapshot() {
        match value {
            Value::Nil => {
                map.remove_bytes(key.as_bytes());
            }
            Value::Map(inner) => remove_nulls(&inner),
            _ => {}
        }
    }
}

/// A copy that shares no map with the original. Values come from files, so their depth is bounded.
pub(super) fn deep_copy(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(deep_copy_map(map)),
        Value::List(list) if list.items().iter().any(|item| matches!(item, Value::Map(_) | Value::List(_))) => {
            Value::List(List::new(list.items().iter().map(deep_copy).collect(), list.kind()))
        }
        other => other.clone(),
    }
}

/// As [`deep_copy`].
pub(super) fn deep_copy_map(map: &Map) -> Map {
    let entries = map.borrow().iter().map(|(key, value)| (key.clone(), deep_copy(value))).collect();
    Map::with_kind(entries, map.kind())
}
