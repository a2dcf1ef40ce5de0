//! Removing what a JSON pointer (RFC 6901) names.

use serde_json::Value;

/// Removes the value; `false` when there is none, which is harmless. Indexes below 0 count from the end, as in the
/// library Argo CD uses.
pub(super) fn remove(document: &mut Value, pointer: &str) -> bool {
    let Some(path) = pointer.strip_prefix('/') else { return false };
    let mut parts: Vec<String> = path.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let Some(last) = parts.pop() else { return false };
    let parent = parts.iter().try_fold(document, |value, part| match value {
        Value::Object(map) => map.get_mut(part),
        Value::Array(items) => index(items.len(), part).and_then(|i| items.get_mut(i)),
        _ => None,
    });
    match parent {
        Some(Value::Object(map)) => map.remove(&last).is_some(),
        Some(Value::Array(items)) => {
            let found = index(items.len(), &last);
            found.is_some_and(|i| {
                items.remove(i);
                true
            })
        }
        _ => false,
    }
}

fn index(len: usize, part: &str) -> Option<usize> {
    let number: i64 = part.parse().ok()?;
    let place = if number < 0 { i64::try_from(len).ok()?.checked_add(number)? } else { number };
    usize::try_from(place).ok().filter(|i| *i < len)
}
