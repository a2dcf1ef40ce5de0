//! Deep merging of maps by the rules of `dario.cat/mergo` 1.0, which `merge` and `mergeOverwrite` show.
//!
//! The destination is changed in place. A source map that the destination lacks is shared, not copied.

use crate::value::{FuncError, Map, Value};

use super::defaults::{MAX_DEPTH, STACK_LEFT, STACK_MORE, empty};

/// Merges `source` into `dst`.
pub(super) fn merge_into(dst: &Map, source: &Map, overwrite: bool) -> Result<(), FuncError> {
    merge_maps(dst, source, overwrite, 0)
}

fn merge_maps(dst: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err(FuncError::Limit(format!("merge: the maps nest deeper than {MAX_DEPTH}")));
    }
    if dst.ptr_eq(source) {
        return Ok(());
    }
    for (key, value) in source.snapshot() {
        let present = dst.borrow().get(&key).cloned();
        if value.is_nil() {
            if overwrite {
                dst.insert(key, value);
            }
            continue;
        }
        if let (Value::Map(below), Some(Value::Map(there))) = (&value, &present) {
            stacker::maybe_grow(STACK_LEFT, STACK_MORE, || merge_maps(there, below, overwrite, depth + 1))?;
        }
        let both_maps = matches!((&value, &present), (Value::Map(_), Some(Value::Map(_))));
        let replace = match &present {
            // Whether it is empty counts after the merge below: then an empty map takes the source's alias.
            Some(there) if !empty(there) => overwrite && !both_maps,
            _ => true,
        };
        if replace {
            dst.insert(key, value);
        }
    }
    Ok(())
}
