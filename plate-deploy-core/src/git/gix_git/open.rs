//! Opening, creating and mirroring repositories, with configuration that cannot start programs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gix::sec::Trust;

use super::remote::{Access, Remote};
use super::store::describe;
use super::{CloneOptions, GixGit, Shared};
use crate::git::error::GitError;
use crate::git::url::{RepoUrl, RepoUrlMap, redact_url};

/// Opens a repository without looking at the environment, the home directory or the system's configuration, and forgets
/// the settings that name programs.
pub(super) fn open_isolated(folder: &Path) -> Result<gix::Repository, GitError> {
    let options = gix::open::Options::isolated().with(Trust::Full).strict_config(false);
    let mut repository = gix::open_opts(folder, options).map_err(|error| GitError::NotFound {
        repository: folder.display().to_string(),
        what: format!("a Git repository that opens ({})", describe(&error)),
        remedy: "check the folder, or create a repository with `git init`".to_owned(),
    })?;
    let mut config = repository.config_snapshot_mut();
    for section in ["filter", "credential", "gpg", "diff", "merge", "alias", "url"] {
        let ids: Vec<_> = config.sections_and_ids_by_name(section).into_iter().flatten().map(|(_, id)| id).collect();
        ids.into_iter().for_each(|id| drop(config.remove_section_by_id(id)));
    }
    config.commit().map_err(|error| failed(folder, "read the configuration", &error))?;
    Ok(repository)
}

pub(super) fn failed(folder: &Path, action: &str, error: &gix::Error) -> GitError {
    GitError::Backend { repository: folder.display().to_string(), action: action.to_owned(), message: describe(error) }
}

/// An existing repository with the remote it names.
pub(super) fn open(folder: &Path, options: &CloneOptions) -> Result<GixGit, GitError> {
    let repository = open_isolated(folder)?;
    let Some(name) = remote_name(&repository, folder, options.remote.as_deref())? else {
        return Ok(assemble(repository, folder, None, String::new()));
    };
    let setting =
        |key: &str| repository.config_snapshot().string(&format!("remote.{name}.{key}")).map(|value| value.to_string());
    let Some(url) = setting("url") else {
        return Ok(assemble(repository, folder, None, String::new()));
    };
    if setting("pushurl").is_some_and(|push| !RepoUrlMap::same(&push, &url)) {
        return Err(GitError::Unsupported {
            repository: folder.display().to_string(),
            what: format!("a pushurl of remote `{name}` that differs from its url"),
            remedy: format!("remove remote.{name}.pushurl, or clone the address to push to"),
        });
    }
    // Git takes a relative address from the work tree (or from a bare repository itself).
    let base = repository.workdir().unwrap_or(repository.git_dir()).to_owned();
    let remote = Remote::new(RepoUrl::parse(&url, &base)?, access(options));
    Ok(assemble(repository, folder, Some(remote), format!("refs/remotes/{name}/")))
}

fn access(options: &CloneOptions) -> Access {
    Access {
        credentials: options.credentials.clone(),
        allow_ssh_program: options.allow_ssh_program,
        ca_certificates: options.ca_certificates.clone(),
    }
}

fn assemble(repository: gix::Repository, folder: &Path, remote: Option<Remote>, tracking: String) -> GixGit {
    let location = folder.display().to_string();
    GixGit {
        shared: Arc::new(Shared {
            repository: repository.into_sync(),
            location,
            remote,
            tracking,
            writer: Mutex::new(()),
        }),
    }
}

/// `wanted`, else `origin`, else the only remote.
fn remote_name(repository: &gix::Repository, folder: &Path, wanted: Option<&str>) -> Result<Option<String>, GitError> {
    let names: Vec<String> = repository.remote_names().iter().map(ToString::to_string).collect();
    let Some(wanted) = wanted else {
        let only = if names.len() == 1 { names.first().cloned() } else { None };
        return Ok(names.iter().find(|name| *name == "origin").cloned().or(only));
    };
    if names.iter().any(|name| name == wanted) {
        return Ok(Some(wanted.to_owned()));
    }
    Err(GitError::NotFound {
        repository: folder.display().to_string(),
        what: format!("remote `{wanted}`"),
        remedy: format!("name one of: {}", names.join(", ")),
    })
}

/// A new repository.
pub(super) fn init(folder: &Path, branch: &str, bare: bool) -> Result<GixGit, GitError> {
    create(folder, branch, bare)?;
    open(folder, &CloneOptions::default())
}

fn create(folder: &Path, branch: &str, bare: bool) -> Result<(), GitError> {
    let kind = if bare { gix::create::Kind::Bare } else { gix::create::Kind::WithWorktree };
    std::fs::create_dir_all(folder).map_err(|error| GitError::Backend {
        repository: folder.display().to_string(),
        action: "create the folder".to_owned(),
        message: error.to_string(),
    })?;
    let options = gix::create::Options::default();
    let open = gix::open::Options::isolated().config_overrides([format!("init.defaultBranch={branch}")]);
    gix::ThreadSafeRepository::init_opts(folder, kind, options, open)
        .map_err(|error| failed(folder, "create a repository", &error))?;
    Ok(())
}

/// A bare mirror, made or opened; not fetched yet.
pub(super) fn mirror(url: &str, folder: &Path, options: &CloneOptions) -> Result<GixGit, GitError> {
    let parsed = RepoUrl::parse(url, &PathBuf::new())?;
    let remote = Remote::new(parsed, access(options));
    let clean = redact_url(&remote.to_string()).into_owned();
    if !folder.join("HEAD").exists() {
        create(folder, "main", true)?;
        remember(folder, &clean)?;
    }
    let repository = open_isolated(folder)?;
    let origin = repository.config_snapshot().string("remote.origin.url").map(|value| value.to_string());
    if !repository.is_bare() || !origin.as_deref().is_some_and(|origin| RepoUrlMap::same(origin, &clean)) {
        return Err(GitError::Unsupported {
            repository: clean,
            what: format!("{} as its mirror: the folder holds something else", folder.display()),
            remedy: "give an empty folder".to_owned(),
        });
    }
    Ok(assemble(repository, folder, Some(remote), "refs/heads/".to_owned()))
}

/// Writes down what the mirror mirrors, in Git's own words.
fn remember(folder: &Path, url: &str) -> Result<(), GitError> {
    let file = folder.join("config");
    let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!(
        "[remote \"origin\"]\n\turl = \"{quoted}\"\n\tfetch = +refs/heads/*:refs/heads/*\n\tfetch = +refs/tags/*:refs/tags/*\n\tmirror = true\n"
    );
    let write = || -> std::io::Result<()> {
        use std::io::Write;
        std::fs::OpenOptions::new().append(true).open(&file)?.write_all(text.as_bytes())
    };
    write().map_err(|error| GitError::Backend {
        repository: folder.display().to_string(),
        action: format!("write {}", file.display()),
        message: error.to_string(),
    })
}
