//! Our side of `git-receive-pack`: what the server has, one command with the expected old id, a pack, the server's report.
//! gix 0.90 has the transport but no push.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use gix::objs::Kind;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::{MessageKind, WriteMode};
use gix::protocol::transport::{Protocol, Service};
use gix_pack::data::output;
use std::ops::ControlFlow;

use super::http::Connection;
use super::remote::Pushed;
use super::store::{Local, to_gix};
use super::transfer;
use crate::git::error::GitError;
use crate::git::objects::{from_gix, read_commit, to_commit};
use crate::git::types::{CommitId, PushRequest};

/// Most lines a server may say, and longest line.
const MAX_LINES: usize = 200;
const MAX_LINE: usize = 500;
/// Largest report; a real one has two lines.
const MAX_REPORT: u64 = 1 << 20;

/// What the server said at the beginning.
struct Greeting {
    transport: Box<dyn Transport + Send>,
    refs: Vec<Ref>,
    side_band: bool,
    atomic: bool,
}

impl Greeting {
    fn open(connection: &Connection<'_>) -> Result<Self, GitError> {
        let mut transport = connection.open(Protocol::V1)?;
        let authenticate = |action| connection.authenticate(action);
        let greeting = gix::protocol::handshake(
            &mut transport,
            Service::ReceivePack,
            authenticate,
            Vec::new(),
            &mut gix::progress::Discard,
        )
        .map_err(|error| connection.failed(&error))?;
        if !greeting.capabilities.contains("report-status") {
            return Err(connection.failed_with("the server does not report what it did (no `report-status`)"));
        }
        let (side_band, atomic) =
            (greeting.capabilities.contains("side-band-64k"), greeting.capabilities.contains("atomic"));
        Ok(Self { transport, refs: greeting.refs.unwrap_or_default(), side_band, atomic })
    }

    /// The head of a branch at the server.
    fn head(&self, name: &str) -> Option<CommitId> {
        self.refs.iter().find_map(|theirs| {
            let (found, object, _) = theirs.unpack();
            object.filter(|_| found == name).map(|id| to_commit(from_gix(id)))
        })
    }
}

/// Moves a branch at the server, if it has the expected head there.
pub(super) fn push(local: &Local<'_>, connection: &Connection<'_>, request: &PushRequest) -> Result<Pushed, GitError> {
    let name = format!("refs/heads/{}", request.branch);
    let greeting = Greeting::open(connection)?;
    let actual = greeting.head(&name);
    if actual == Some(request.new) {
        return Ok(Pushed::default());
    }
    let stale = |actual| GitError::Stale {
        repository: connection.location(),
        branch: request.branch.clone(),
        expected: request.expected,
        actual,
    };
    if actual != request.expected {
        return Err(stale(actual));
    }
    let ids = objects_to_send(local, &greeting.refs, request).map_err(|error| connection.failed(&error))?;
    let (report, messages) = send(local, connection, greeting, &name, request, &ids)?;
    let refusal = match refusal(&report, &name) {
        None => return Ok(Pushed { moved: true, messages }),
        Some(refusal) => refusal,
    };
    // The server decides under its lock: a lost race looks like any refusal, so look again.
    let actual = Greeting::open(connection)?.head(&name);
    if actual == Some(request.new) {
        return Ok(Pushed { moved: true, messages });
    }
    if actual != request.expected {
        return Err(stale(actual));
    }
    let message = std::iter::once(refusal).chain(messages).collect::<Vec<_>>().join("; ");
    Err(GitError::Rejected { repository: connection.location(), branch: request.branch.clone(), message })
}

/// Objects of the new commits that the server cannot have: not those of commits it has, nor of the expected head's tree.
fn objects_to_send(local: &Local<'_>, theirs: &[Ref], request: &PushRequest) -> gix::Result<Vec<gix::ObjectId>> {
    let repository = &local.repository;
    let known = theirs.iter().filter_map(|theirs| theirs.unpack().1.map(ToOwned::to_owned));
    let known: Vec<gix::ObjectId> =
        known.filter(|id| repository.find_header(*id).is_ok_and(|header| header.kind() == Kind::Commit)).collect();
    let mut new_commits = HashSet::new();
    for commit in repository.rev_walk([to_gix(request.new)]).with_hidden(known).all()? {
        new_commits.insert(commit?.id);
    }
    let mut there = HashSet::new();
    if let Some(expected) = request.expected.and_then(|expected| read_commit(local, expected).ok()) {
        there.extend(transfer::missing(repository, |_, _| false, &[to_gix(expected.tree)])?);
    }
    let has = |id, kind| if kind == Kind::Commit { !new_commits.contains(&id) } else { there.contains(&id) };
    transfer::missing(repository, has, &[to_gix(request.new)])
}

/// Sends command and pack; returns the report and the lines for people.
fn send(
    local: &Local<'_>,
    connection: &Connection<'_>,
    mut greeting: Greeting,
    name: &str,
    request: &PushRequest,
    ids: &[gix::ObjectId],
) -> Result<(Vec<u8>, Vec<String>), GitError> {
    let io = |error: std::io::Error| connection.failed_with(&error.to_string());
    let mut writer = greeting
        .transport
        .request(WriteMode::Binary, MessageKind::Flush, false)
        .map_err(|error| connection.failed_with(&error.to_string()))?;
    let old = request.expected.map_or_else(|| "0".repeat(40), |old| old.to_string());
    let side_band = if greeting.side_band { " side-band-64k" } else { "" };
    let atomic = if greeting.atomic { " atomic" } else { "" };
    // One write is one packet line.
    let command = format!("{old} {} {name}\0 report-status{side_band}{atomic} agent=plate-deploy", request.new);
    writer.write_all(command.as_bytes()).map_err(io)?;
    writer.write_message(MessageKind::Flush).map_err(io)?;
    let (mut writer, mut reader) = writer.into_parts();
    write_pack(local, ids, &mut writer).map_err(|error| connection.failed(&error))?;
    writer.flush().map_err(io)?;
    drop(writer);
    let messages = Arc::new(Mutex::new(Vec::new()));
    let mut report = Vec::new();
    if greeting.side_band {
        let heard = Arc::clone(&messages);
        reader.set_progress_handler(Some(Box::new(move |_, text: &[u8]| {
            hear(&mut heard.lock().unwrap_or_else(PoisonError::into_inner), text);
            ControlFlow::Continue(())
        })));
        reader.take(MAX_REPORT).read_to_end(&mut report).map_err(io)?;
    } else {
        let mut line = String::new();
        while (report.len() as u64) < MAX_REPORT && reader.readline_str(&mut line).map_err(io)? > 0 {
            report.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
            line.clear();
        }
    }
    let messages = std::mem::take(&mut *messages.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((report, messages))
}

/// Keeps what a server says, without anything that a terminal would obey.
fn hear(lines: &mut Vec<String>, text: &[u8]) {
    for line in String::from_utf8_lossy(text).split(['\n', '\r']) {
        let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect();
        if !line.trim().is_empty() && lines.len() < MAX_LINES {
            lines.push(line.trim_end().to_owned());
        }
    }
}

/// Why the report says no; `None`: the branch moved.
fn refusal(report: &[u8], name: &str) -> Option<String> {
    let mut rest = report;
    let mut reason = "the server did not say what it did".to_owned();
    while let Some((length, tail)) = rest.split_at_checked(4) {
        let length =
            std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok()).unwrap_or(0);
        let Some((line, next)) = length.checked_sub(4).and_then(|length| tail.split_at_checked(length)) else { break };
        rest = next;
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\n');
        if line.strip_prefix("ok ") == Some(name) {
            return None;
        }
        if let Some(why) = line.strip_prefix("ng ").and_then(|line| line.strip_prefix(name)) {
            reason = why.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect::<String>().trim().to_owned();
        } else if let Some(why) = line.strip_prefix("unpack ").filter(|why| *why != "ok") {
            reason = format!(
                "it could not unpack the objects: {}",
                why.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect::<String>()
            );
        }
    }
    Some(reason)
}

/// The objects as a pack, a few at a time.
fn write_pack(local: &Local<'_>, ids: &[gix::ObjectId], out: &mut dyn Write) -> gix::Result<()> {
    let count = u32::try_from(ids.len()).map_err(gix::Error::from_error)?;
    let chunks = ids.chunks(64).map(|ids| ids.iter().map(|id| entry(local, *id)).collect::<gix::Result<Vec<_>>>());
    let chunks: Box<dyn Iterator<Item = gix::Result<Vec<output::Entry>>>> =
        if ids.is_empty() { Box::new(std::iter::once(Ok(Vec::new()))) } else { Box::new(chunks) };
    let sha1 = gix::hash::Kind::Sha1;
    let mut pack = output::bytes::FromEntriesIter::new(chunks, out, count, gix_pack::data::Version::V2, sha1);
    pack.try_for_each(|written| written.map(drop))
}

fn entry(local: &Local<'_>, id: gix::ObjectId) -> gix::Result<output::Entry> {
    let object = local.repository.find_object(id)?;
    let data = gix::objs::Data { kind: object.kind, object_hash: gix::hash::Kind::Sha1, data: &object.data };
    let count = output::Count::from_data(id, None);
    output::Entry::from_data(&count, &data, gix::zlib::Compression::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let name = "refs/heads/main";
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let report = |lines: &[&str]| lines.iter().map(|text| line(text)).collect::<String>() + "0000";
        assert_eq!(refusal(report(&["unpack ok\n", "ok refs/heads/main\n"]).as_bytes(), name), None);
        for (lines, expected) in [
            (&["unpack ok\n", "ng refs/heads/main pre-receive hook declined\n"][..], "pre-receive hook declined"),
            (&["unpack index-pack abnormal exit\n"][..], "it could not unpack the objects: index-pack abnormal exit"),
            (&["unpack ok\n", "ok refs/heads/other\n"][..], "the server did not say what it did"),
            (&["unpack ok\n", "ng refs/heads/main no\u{1b}[31m\n"][..], "no[31m"),
        ] {
            assert_eq!(refusal(report(lines).as_bytes(), name).as_deref(), Some(expected));
        }
        for broken in ["", "zzzz", "0003", "ffffok refs/heads/main"] {
            assert!(refusal(broken.as_bytes(), name).is_some(), "{broken:?}");
        }
        let mut lines = Vec::new();
        hear(&mut lines, b"remote: \x1b]0;title\x07hello\r\n\n");
        assert_eq!(lines, ["remote: ]0;titlehello"]);
    }
}
