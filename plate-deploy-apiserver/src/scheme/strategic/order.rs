//! Where the items of a merged list go: the patch's items in the patch's order, the server's own in the server's, each
//! server item before the first patch item that follows it on the server.

use serde_json::Value;

/// What tells two items apart: the merge key's value, the item itself in lists of scalars.
fn identity<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    if key.is_empty() { Some(item) } else { item.get(key) }
}

/// The place of an item in a list.
fn index(list: &[Value], item: &Value, key: &str) -> Option<usize> {
    let wanted = identity(item, key)?;
    list.iter().position(|other| identity(other, key) == Some(wanted))
}

/// Whether a list has an item of the same identity.
fn contains(list: &[Value], item: &Value, key: &str) -> bool {
    index(list, item, key).is_some()
}

/// The items in the order of another list.
pub(super) fn sorted_by(mut items: Vec<Value>, order: &[Value], key: &str) -> Vec<Value> {
    items.sort_by_cached_key(|item| index(order, item, key));
    items
}

/// Orders a merged list: the items `named` names as it does, the others as on the server.
pub(super) fn arrange(merged: Vec<Value>, named: &[Value], server: &[Value], key: &str) -> Vec<Value> {
    let (ours, others): (Vec<Value>, Vec<Value>) = merged.into_iter().partition(|item| contains(named, item, key));
    let ours = sorted_by(ours, named, key);
    let others = sorted_by(others, server, key);
    let mut out = Vec::with_capacity(ours.len() + others.len());
    let (mut left, mut right) = (others.into_iter().peekable(), ours.into_iter().peekable());
    while let (Some(other), Some(own)) = (left.peek(), right.peek()) {
        let before = match (index(server, other, key), index(server, own, key)) {
            (Some(other), Some(own)) => other < own,
            _ => false,
        };
        out.extend(if before { left.next() } else { right.next() });
    }
    out.extend(right);
    out.extend(left);
    out
}
