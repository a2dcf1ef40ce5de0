//! `path` and `filepath` of Go (the same on Linux): `base`, `dir`, `clean`, `ext`, `isAbs` and their `os` twins.

use crate::value::{Function, Str};

use super::args::{Args, Outcome, count, function};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("base", |path: &Str| base(path.as_bytes()), (&Str)),
    function!("dir", |path: &Str| dir(path.as_bytes()), (&Str)),
    function!("clean", |path: &Str| clean(path.as_bytes()), (&Str)),
    function!("ext", |path: &Str| ext(path.as_bytes()), (&Str)),
    function!("isAbs", |path: &Str| path.as_bytes().starts_with(b"/"), (&Str)),
    function!("osBase", |path: &Str| base(path.as_bytes()), (&Str)),
    function!("osDir", |path: &Str| dir(path.as_bytes()), (&Str)),
    function!("osClean", |path: &Str| clean(path.as_bytes()), (&Str)),
    function!("osExt", |path: &Str| ext(path.as_bytes()), (&Str)),
    function!("osIsAbs", |path: &Str| path.as_bytes().starts_with(b"/"), (&Str)),
];

fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    let trimmed = &path[..end];
    let start = trimmed.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    if trimmed.is_empty() { b"/".to_vec() } else { trimmed[start..].to_vec() }
}

fn dir(path: &[u8]) -> Vec<u8> {
    clean(&path[..path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1)])
}

fn ext(path: &[u8]) -> Vec<u8> {
    let start = path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    let name = &path[start..];
    name.iter().rposition(|b| *b == b'.').map_or_else(Vec::new, |at| name[at..].to_vec())
}

/// `path.Clean`: no `.`, no inner `..`, no doubled slashes; `.` for nothing.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match kept.last() {
                Some(last) if *last != b".." => drop(kept.pop()),
                _ if rooted => {}
                _ => kept.push(part),
            },
            _ => kept.push(part),
        }
    }
    let body = kept.join(&b"/"[..]);
    match (rooted, body.is_empty()) {
        (true, _) => [b"/", body.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => body,
    }
}
