//! Freeing deeply nested values without recursion.
//!
//! A template can nest maps a million deep with a loop; freeing those one inside the other would overflow the stack.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::{Str, Value};

/// Nesting freed by plain recursion; deeper parts wait in the queue.
const RECURSIVE: u32 = 64;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static QUEUE: RefCell<Vec<Contents>> = const { RefCell::new(Vec::new()) };
}

/// What a list or map held.
#[expect(dead_code, reason = "held only to be freed later")]
pub(super) enum Contents {
    List(Vec<Value>),
    Map(BTreeMap<Str, Value>),
}

/// Frees the contents: at once near the top, later when nested deeply.
pub(super) fn free(contents: Contents) {
    let depth = DEPTH.try_with(|depth| depth.replace(depth.get() + 1)).unwrap_or(0);
    if depth < RECURSIVE {
        drop(contents);
        if depth == 0 {
            while let Some(contents) = QUEUE.try_with(|queue| queue.borrow_mut().pop()).ok().flatten() {
                drop(contents);
            }
        }
    } else {
        // When the thread is ending there is no queue; the contents are then freed by recursion.
        let _ = QUEUE.try_with(|queue| queue.borrow_mut().push(contents));
    }
    let _ = DEPTH.try_with(|level| level.set(depth));
}

#[cfg(test)]
mod tests {
    use crate::value::{Map, Value};

    #[test]
    fn a_million_nested_values_are_freed() {
        let mut value = Value::Nil;
        for turn in 0..1_000_000 {
            value = if turn % 2 == 0 { Value::list(vec![value]) } else { Map::from_iter([("x", value)]).into() };
        }
        drop(value);
    }
}
