//! The order in which go-yaml writes keys: letters as they are, numbers inside keys by value (`a9` before `a10`).

use std::cmp::Ordering;

/// Sorts by key. The order is not always transitive, which the standard sort may refuse; a merge sort takes it as it is.
/// `v3`: letters come before other characters behind a digit, as in go-yaml v3.
pub(super) fn sort_keys<T>(mut items: Vec<(String, T)>, v3: bool) -> Vec<(String, T)> {
    let less = |a: &str, b: &str| less(a, b, v3);
    if items.is_sorted_by(|a, b| !less(&b.0, &a.0)) {
        return items;
    }
    // Go's sort is an insertion sort up to here.
    if items.len() <= 12 {
        for i in 1..items.len() {
            let mut j = i;
            while j > 0 && less(&items[j].0, &items[j - 1].0) {
                items.swap(j, j - 1);
                j -= 1;
            }
        }
        return items;
    }
    let right = sort_keys(items.split_off(items.len() / 2), v3);
    let mut left = sort_keys(items, v3).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if less(&b.0, &a.0) { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

fn less(a: &str, b: &str, v3: bool) -> bool {
    let (a_bytes, b_bytes) = (a.as_bytes(), b.as_bytes());
    let same = a_bytes.iter().zip(b_bytes).take_while(|(x, y)| x == y).count();
    // Back to the start of a character.
    let mut at = same;
    while !a.is_char_boundary(at) || !b.is_char_boundary(at) {
        at -= 1;
    }
    let (Some(x), Some(y)) = (a[at..].chars().next(), b[at..].chars().next()) else {
        return a.len() < b.len();
    };
    let (x_letter, y_letter) = (is_letter(x), is_letter(y));
    if x_letter && y_letter {
        return x < y;
    }
    if x_letter || y_letter {
        let after_digit = v3 && a[..at].chars().next_back().is_some_and(is_digit);
        return if after_digit { x_letter } else { y_letter };
    }
    let (mut x_number, mut y_number) = (0i64, 0i64);
    if x == '0' || y == '0' {
        let digits = a[..at].chars().rev().take_while(|&c| is_digit(c));
        if digits.into_iter().any(|c| c != '0') {
            (x_number, y_number) = (1, 1);
        }
    }
    let (x_number, x_len) = number(&a[at..], x_number);
    let (y_number, y_len) = number(&b[at..], y_number);
    match (x_number.cmp(&y_number), x_len.cmp(&y_len)) {
        (Ordering::Equal, Ordering::Equal) => x < y,
        (Ordering::Equal, length) => length.is_lt(),
        (number, _) => number.is_lt(),
    }
}

/// The digits at the start as a number (wrapping, as Go's `int64` does), and how many they are.
fn number(text: &str, start: i64) -> (i64, usize) {
    text.chars().take_while(|&c| is_digit(c)).fold((start, 0), |(value, count), c| {
        let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
        (value.wrapping_mul(10).wrapping_add(digit), count + 1)
    })
}

fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.is_alphabetic() }
}

fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { c.is_numeric() && !c.is_alphabetic() }
}
