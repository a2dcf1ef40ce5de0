//! Sprig's `url.go` over a port of Go's `net/url`: parsing into a map and back.

use crate::value::kind::kind_name;
use crate::value::quote::quote;
use crate::value::{FuncError, Function, Map, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::go_url::Url;

pub(super) static FUNCTIONS: &[Function] =
    &[function!("urlParse", url_parse, (&Str)), function!("urlJoin", url_join, (Map))];

fn parse(text: &[u8], what: &str) -> Result<Url, FuncError> {
    Url::parse(text).map_err(|error| {
        FuncError::msg(format!("unable to parse {what}: parse {}: {}", quote(&error.url), error.reason))
    })
}

fn url_parse(text: &Str) -> Result<Map, FuncError> {
    let url = parse(text.as_bytes(), "url")?;
    let userinfo = url.user.as_ref().map(super::go_url::UserInfo::encoded).unwrap_or_default();
    let hostname = url.hostname().to_vec();
    let entries: [(&str, Vec<u8>); 8] = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ];
    Ok(entries.into_iter().map(|(key, value)| (key, Value::str(value))).collect())
}

fn entry(map: &Map, key: &str) -> Result<Vec<u8>, FuncError> {
    match map.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(FuncError::msg("runtime error: invalid memory address or nil pointer dereference")),
        Some(other) => Err(FuncError::msg(format!(
            "unable to parse {key} key, must be of type string, but {} found",
            kind_name(&other)
        ))),
    }
}

fn url_join(map: Map) -> Result<Vec<u8>, FuncError> {
    let mut url = Url {
        scheme: entry(&map, "scheme")?,
        host: entry(&map, "host")?,
        path: entry(&map, "path")?,
        query: entry(&map, "query")?,
        opaque: entry(&map, "opaque")?,
        fragment: entry(&map, "fragment")?,
        ..Url::default()
    };
    let userinfo = entry(&map, "userinfo")?;
    if !userinfo.is_empty() {
        let text = [b"proto://", userinfo.as_slice(), b"@host"].concat();
        url.user = parse(&text, "userinfo in dict")?.user;
    }
    Ok(url.encoded())
}
