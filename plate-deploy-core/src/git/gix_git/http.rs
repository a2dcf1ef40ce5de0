//! https (rustls) and, when allowed, ssh: the connection with its credentials, and fetching through gix.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix::bstr::ByteSlice;
use gix::credentials::helper::Action;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::client::blocking_io::http::{Options, reqwest as backend};
use gix::protocol::transport::client::blocking_io::{Transport, connect};
use gix::protocol::transport::{self, Protocol};
use gix::remote::Direction;
use gix::remote::fetch::Tags;

use super::receive_pack;
use super::remote::{Access, Pushed};
use super::store::{Local, describe};
use crate::git::credentials::Credentials;
use crate::git::error::GitError;
use crate::git::types::{PushRequest, RefInfo};
use crate::git::url::RepoUrl;

/// Longest single request. reqwest's own default of 30 seconds would cut large clones off.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A way to a server, and what became of its questions for credentials.
pub(super) struct Connection<'a> {
    url: &'a RepoUrl,
    access: &'a Access,
    /// `read` or `push`, for messages.
    action: &'static str,
    /// The server asked for credentials.
    asked: Cell<bool>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(url: &'a RepoUrl, access: &'a Access, action: &'static str) -> Self {
        Self { url, access, action, asked: Cell::new(false) }
    }

    /// Opens the transport. Configuration of the repository has no say in it.
    pub(super) fn open(&self, version: Protocol) -> Result<Box<dyn Transport + Send>, GitError> {
        let url = gix::url::parse(self.url.to_string().as_bytes().as_bstr()).map_err(|error| self.failed(&error))?;
        let options = connect::Options {
            version,
            ssh: transport::client::blocking_io::ssh::connect::Options::default(),
            trace: false,
        };
        let mut transport = connect::connect(url, options).map_err(|error| self.failed(&error))?;
        transport.configure(&self.options()).map_err(|error| self.failed(&error))?;
        Ok(transport)
    }

    /// How https is spoken: ring for TLS, no proxy from the environment, redirects for the first request only.
    fn options(&self) -> Options {
        // Fails only when a provider is installed already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities = self.access.ca_certificates.clone();
        let configure_client: Box<backend::ConfigureClientFn> = Box::new(move |builder| {
            let wrap = |error: reqwest::Error| gix::Error::from_error(error);
            let extra = reqwest::Certificate::from_pem_bundle(&authorities).map_err(wrap)?;
            Ok(builder.no_proxy().timeout(REQUEST_TIMEOUT).tls_certs_merge(extra))
        });
        let backend = backend::Options { configure_client: Some(configure_client), configure_request: None };
        Options {
            user_agent: Some("git/plate-deploy".to_owned()),
            backend: Some(Arc::new(Mutex::new(backend))),
            ..Options::default()
        }
    }

    /// Answers a server's question with the credentials of exactly that host.
    pub(super) fn authenticate(&self, action: Action) -> gix::Result<Option<gix::credentials::protocol::Outcome>> {
        let Action::Get(context) = action else { return Ok(None) };
        self.asked.set(true);
        let url = context.url.as_ref().map(|url| url.to_str_lossy().into_owned()).unwrap_or_default();
        let Ok(RepoUrl::Http { host, .. }) = RepoUrl::parse(&url, std::path::Path::new("")) else { return Ok(None) };
        let Some(found) = self.credentials().find(|credentials| credentials.is_for(&host)) else { return Ok(None) };
        let (username, password) = found.expose();
        let identity = gix::sec::identity::Account {
            username: username.to_owned(),
            password: password.to_owned(),
            oauth_refresh_token: None,
        };
        Ok(Some(gix::credentials::protocol::Outcome { identity, next: context.into() }))
    }

    fn credentials(&self) -> impl Iterator<Item = &Credentials> {
        let embedded = match self.url {
            RepoUrl::Http { embedded, .. } => embedded.as_ref(),
            _ => None,
        };
        embedded.into_iter().chain(&self.access.credentials)
    }

    /// An error of gix as ours, with every known password removed.
    pub(super) fn failed(&self, error: &gix::Error) -> GitError {
        let repository = self.url.to_string();
        if error.is_unauthenticated() || error.is_permission_denied() {
            return GitError::Authentication { repository, action: self.action };
        }
        self.failed_with(&describe(error))
    }

    /// A failure with these words.
    pub(super) fn failed_with(&self, message: &str) -> GitError {
        let message = self.credentials().fold(message.to_owned(), |message, credentials| credentials.redact(&message));
        let action = if self.action == "push" { "push" } else { "fetch" };
        GitError::Backend { repository: self.url.to_string(), action: action.to_owned(), message }
    }

    pub(super) fn location(&self) -> String {
        self.url.to_string()
    }
}

/// Brings branches and tags; returns the remote's names of those that changed.
pub(super) fn fetch(local: &Local<'_>, url: &RepoUrl, access: &Access) -> Result<Vec<String>, GitError> {
    let connection = Connection::new(url, access, "read");
    let before = local.refs()?;
    let theirs = receive(local, &connection).map_err(|error| match error {
        Failure::Ours(error) => error,
        Failure::Gix(error) => connection.failed(&error),
    })?;
    if local.is_mirror() {
        follow(local, &theirs)?;
    }
    let after = local.refs()?;
    Ok(changed_names(&before, &after, &local.shared.tracking))
}

/// An error on the way, not yet looked at.
enum Failure {
    Ours(GitError),
    Gix(gix::Error),
}

impl From<gix::Error> for Failure {
    fn from(error: gix::Error) -> Self {
        Self::Gix(error)
    }
}

/// Fetches objects and references; returns what the remote has.
fn receive(local: &Local<'_>, connection: &Connection<'_>) -> Result<Vec<Ref>, Failure> {
    let mut repository = local.repository.clone();
    repository.committer_or_set_fallback("plate-deploy", "plate-deploy@localhost")?;
    let tracking = &local.shared.tracking;
    let specs = if local.is_mirror() {
        vec![format!("+refs/heads/*:{tracking}*"), "+refs/tags/*:refs/tags/*".to_owned()]
    } else {
        vec![format!("+refs/heads/*:{tracking}*"), "refs/tags/*:refs/tags/*".to_owned()]
    };
    let specs = specs.iter().map(|spec| spec.as_bytes().as_bstr());
    let url = connection.location();
    let remote = repository
        .remote_at_without_url_rewrite(url.as_str())?
        .with_fetch_tags(Tags::None)
        .with_refspecs(specs, Direction::Fetch)?;
    let transport = connection.open(Protocol::V2).map_err(Failure::Ours)?;
    let head = gix::refspec::parse("HEAD".into(), gix::refspec::parse::Operation::Fetch)?.to_owned();
    let options = gix::remote::ref_map::Options { extra_refspecs: vec![head], ..Default::default() };
    let prepared = remote
        .to_connection_with_transport(transport)
        .with_credentials(|action| connection.authenticate(action))
        .with_transport_options(Box::new(connection.options()))
        .prepare_fetch(gix::progress::Discard, options)?;
    let theirs = prepared.ref_map().remote_refs.clone();
    if theirs.iter().all(|theirs| matches!(theirs, Ref::Unborn { .. })) {
        return Ok(theirs);
    }
    prepared.receive(gix::progress::Discard, &AtomicBool::new(false))?;
    Ok(theirs)
}

/// A mirror forgets what the remote forgot, and its `HEAD` names the remote's default branch.
fn follow(local: &Local<'_>, theirs: &[Ref]) -> Result<(), GitError> {
    let names: Vec<String> = theirs.iter().map(|theirs| theirs.unpack().0.to_string()).collect();
    for gone in local.refs()?.into_iter().map(|reference| reference.name).filter(|name| !names.contains(name)) {
        local.delete_reference(&gone)?;
    }
    for theirs in theirs {
        match theirs {
            Ref::Symbolic { full_ref_name, target, .. } | Ref::Unborn { full_ref_name, target }
                if full_ref_name == "HEAD" =>
            {
                local.set_head(local.full_name(&target.to_string())?)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Names, as the remote has them, of references that differ.
fn changed_names(before: &[RefInfo], after: &[RefInfo], tracking: &str) -> Vec<String> {
    let differs = |one: &[RefInfo], reference: &RefInfo| !one.contains(reference);
    let new = after.iter().filter(|reference| differs(before, reference));
    let gone = before.iter().filter(|old| after.iter().all(|new| new.name != old.name));
    let mut names: Vec<String> = new.chain(gone).map(|reference| theirs(&reference.name, tracking)).collect();
    names.sort();
    names
}

fn theirs(name: &str, tracking: &str) -> String {
    name.strip_prefix(tracking).map_or_else(|| name.to_owned(), |branch| format!("refs/heads/{branch}"))
}

/// Moves a branch at the remote.
pub(super) fn push(
    local: &Local<'_>,
    url: &RepoUrl,
    access: &Access,
    request: &PushRequest,
) -> Result<Pushed, GitError> {
    receive_pack::push(local, &Connection::new(url, access, "push"), request)
}
