//! Two revisions of the repository compared: what would change in the clusters.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::{EngineError, Offline};
use crate::changes::{self, ApplicationDiff, RepositoryDiff, Revision, Side, Subject, SubjectKind};
use crate::files::{File, RepoFiles};
use crate::git::{Change, CommitId, EntryKind, GitBackend, LogOptions, RepoUrlMap, snapshot};
use crate::model::Application;
use crate::pipeline::{Capabilities, Sources, library_application, render_one};
use crate::render::{Inputs, NativeRenderer, RenderSeed, Renderer, Repository};
use crate::workspace::Workspace;

/// Most commits that are looked at to find where two revisions parted.
const MAX_HISTORY: usize = 100_000;

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// Environment by name or alias; `None`: everything, app-of-apps included.
    pub environment: Option<String>,
    /// Leave the libraries out.
    pub skip_libraries: bool,
    /// Kubernetes version to render for; `None`: the one Helm assumes.
    pub kube_version: Option<String>,
}

/// How long the phases of a comparison took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phases {
    pub(super) resolve: Duration,
    pub(super) discover: Duration,
    pub(super) affected: Duration,
    pub(super) render_before: Duration,
    pub(super) render_after: Duration,
    pub(super) compare: Duration,
}

/// One revision as it is compared.
struct At {
    revision: Revision,
    repository: Repository,
    workspace: Workspace,
    subjects: BTreeMap<(SubjectKind, String), Subject>,
}

impl Offline<'_> {
    /// Compares two revisions: `A..B`, `A...B` (from where both parted) or `A` (up to `HEAD`). Applications whose files
    /// and definition are equal at both are not rendered. Random functions of charts give the same at both.
    ///
    /// # Errors
    /// [`EngineError`] when a revision or environment is not there, or `plate-deploy.yaml` is refused.
    pub async fn compare(&self, range: &str, options: &CompareOptions) -> Result<RepositoryDiff, EngineError> {
        Ok(self.compare_timed(range, options).await?.0)
    }

    /// The same, with the time that each phase took.
    pub(super) async fn compare_timed(
        &self,
        range: &str,
        options: &CompareOptions,
    ) -> Result<(RepositoryDiff, Phases), EngineError> {
        let start = Instant::now();
        let mut phases = Phases::default();
        let git = &**self.repo.git();
        let (from, to) = self.range(range).await?;
        phases.resolve = start.elapsed();
        let (old_commit, new_commit) = (commit(&from)?, commit(&to)?);
        let changed = git.changes(Some(old_commit), new_commit).await?;
        let old_files = snapshot(git, old_commit).await?;
        let new_files = changed_files(git, &old_files, &changed).await?;
        let (mut before, mut after) = discover(from, old_files, to, new_files).await?;
        phases.discover = start.elapsed() - phases.resolve;
        let environment = environment(options, &before.workspace, &after.workspace)?;
        let info = git.commit_info(old_commit).await?;
        // The same at both revisions: what is random differs only where the charts do.
        let seed = RenderSeed { key: [0; 32], now: info.committer.time };
        let sources = self.repo.sources.clone().seed(Some(seed));
        let renderer = Arc::new(NativeRenderer::default());
        let capabilities = Capabilities::offline(options.kube_version.as_deref());
        for at in [&mut before, &mut after] {
            at.subjects = subjects(at, environment.as_deref(), options);
            for subject in at.subjects.values_mut() {
                subject.inputs = inputs(&sources, &renderer, &subject.application, &at.repository, &capabilities).await;
            }
        }
        let files: Vec<String> = changed.into_iter().map(|change| change.path).collect();
        let affected = changes::affected(&before.subjects, &after.subjects, &files);
        let all: BTreeSet<_> = before.subjects.keys().chain(after.subjects.keys()).collect();
        let unaffected = all.len() - affected.len();
        phases.affected = start.elapsed() - phases.resolve - phases.discover;
        let render = Render { sources, renderer, capabilities, times: Mutex::default() };
        let parallel = available_parallelism().map_or(2, NonZero::get);
        let compared = affected.into_iter().map(|(key, causes)| render.compare(key, causes, &before, &after));
        let applications: Vec<ApplicationDiff> = futures::stream::iter(compared).buffered(parallel).collect().await;
        let [before_time, after_time, compare_time] = *render.times.lock().unwrap_or_else(PoisonError::into_inner);
        phases.render_before = before_time;
        phases.render_after = after_time;
        phases.compare = compare_time;
        let diff = RepositoryDiff {
            version: RepositoryDiff::VERSION,
            from: before.revision,
            to: after.revision,
            environment,
            files,
            applications,
            unaffected,
            seconds: RepositoryDiff::took(start.elapsed()),
        };
        Ok((diff, phases))
    }

    /// The two revisions of a range.
    async fn range(&self, range: &str) -> Result<(Revision, Revision), EngineError> {
        let bad = || EngineError::Range(range.to_owned());
        let (from, to, parted) = match range.split_once("...") {
            Some((from, to)) => (from, to, true),
            None => match range.split_once("..") {
                Some((from, to)) => (from, to, false),
                None => (range, "", false),
            },
        };
        if to.contains("..") || (from.is_empty() && to.is_empty()) {
            return Err(bad());
        }
        let named = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        let (from, to) = (named(from), named(to));
        let git = self.repo.git();
        let (mut old, new) = (git.resolve(&from).await?, git.resolve(&to).await?);
        if parted {
            old = fork_point(&**git, old, new)
                .await?
                .ok_or_else(|| EngineError::Unrelated { from: from.clone(), to: to.clone() })?;
        }
        let revision = |name: String, commit: CommitId| Revision { name, commit: commit.to_string() };
        Ok((revision(from, old), revision(to, new)))
    }
}

fn commit(revision: &Revision) -> Result<CommitId, EngineError> {
    revision.commit.parse().map_err(|_| EngineError::Range(revision.commit.clone()))
}

/// The newest commit of `to`'s history that is in `from`'s, too.
async fn fork_point(git: &dyn GitBackend, from: CommitId, to: CommitId) -> Result<Option<CommitId>, EngineError> {
    let options = LogOptions { limit: MAX_HISTORY, ..LogOptions::default() };
    let known: HashSet<CommitId> = git.log(from, options.clone()).await?.into_iter().map(|info| info.id).collect();
    Ok(git.log(to, options).await?.into_iter().map(|info| info.id).find(|id| known.contains(id)))
}

/// The files of the second revision: those of the first with what changed, so that only changed blobs are read again.
async fn changed_files(git: &dyn GitBackend, old: &RepoFiles, changed: &[Change]) -> Result<RepoFiles, EngineError> {
    let entries: Vec<_> = changed
        .iter()
        .filter_map(|change| change.new.as_ref())
        .filter(|entry| !matches!(entry.kind, EntryKind::Submodule | EntryKind::Tree))
        .collect();
    let blobs = git.read_blobs(entries.iter().map(|entry| entry.id).collect(), RepoFiles::MAX_FILE).await?;
    let removed = changed.iter().map(|change| (change.path.clone(), None));
    let written = entries.into_iter().zip(blobs).map(|(entry, blob)| {
        let file = match (entry.kind, blob) {
            (EntryKind::Symlink, Some(target)) => File::Symlink(String::from_utf8_lossy(&target).into_owned()),
            (_, Some(content)) => File::Blob(content),
            (_, None) => File::TooLarge(entry.size.unwrap_or(RepoFiles::MAX_FILE + 1)),
        };
        (entry.path.clone(), Some(file))
    });
    Ok(old.replaced(removed.chain(written)))
}

/// Reads what both revisions say there is to deploy, at the same time.
async fn discover(
    from: Revision,
    old_files: RepoFiles,
    to: Revision,
    new_files: RepoFiles,
) -> Result<(At, At), EngineError> {
    let read = |revision: Revision, files: RepoFiles| {
        tokio::task::spawn_blocking(move || {
            let workspace = Workspace::discover(&files, &revision.commit)?;
            let repository = Repository { url: workspace.repo_url.clone(), files, revision: revision.commit.clone() };
            Ok::<At, EngineError>(At { revision, repository, workspace, subjects: BTreeMap::new() })
        })
    };
    let (old, new) = (read(from, old_files), read(to, new_files));
    let failed = |error: tokio::task::JoinError| EngineError::Folder {
        path: "the repository".into(),
        message: format!("reading was interrupted: {error}"),
    };
    Ok((old.await.map_err(failed)??, new.await.map_err(failed)??))
}

fn environment(options: &CompareOptions, before: &Workspace, after: &Workspace) -> Result<Option<String>, EngineError> {
    let Some(word) = &options.environment else { return Ok(None) };
    match after.environment(word).or_else(|| before.environment(word)) {
        Some(environment) => Ok(Some(environment.name.clone())),
        None => Err(EngineError::unknown_environment(word, after)),
    }
}

/// What there is to render at a revision.
fn subjects(at: &At, environment: Option<&str>, options: &CompareOptions) -> BTreeMap<(SubjectKind, String), Subject> {
    let mut all = BTreeMap::new();
    let mut add = |kind: SubjectKind, environment: Option<String>, application: Application, file: &str| {
        let name = application.metadata.name.clone();
        // Two Applications of one name (lint says so) are told apart by their files.
        let name = if all.contains_key(&(kind, name.clone())) { format!("{name} ({file})") } else { name };
        all.insert((kind, name), Subject { kind, environment, application, inputs: Inputs::default() });
    };
    for application in &at.workspace.applications {
        let kind = if at.workspace.trees.iter().any(|tree| tree.name == application.name()) {
            SubjectKind::AppOfApps
        } else {
            SubjectKind::Application
        };
        let ignored = kind == SubjectKind::Application && application.component.is_none();
        let mine = environment.is_none_or(|name| {
            kind != SubjectKind::AppOfApps && application.environment.as_deref().is_none_or(|own| own == name)
        });
        if mine && !ignored {
            let source = &application.source;
            add(kind, application.environment.clone(), source.object.clone(), &source.file);
        }
    }
    if !options.skip_libraries {
        for library in at.workspace.libraries.iter().flat_map(|layer| &layer.libraries) {
            let application = library_application(library, &at.workspace.repo_url);
            add(SubjectKind::Library, None, application, &library.folder);
        }
    }
    all
}

/// What the Application's render may read in this repository.
async fn inputs(
    sources: &Sources,
    renderer: &NativeRenderer,
    application: &Application,
    own: &Repository,
    capabilities: &Capabilities,
) -> Inputs {
    let request = match sources.request(application, own, capabilities).await {
        Ok(request) => request,
        Err(problem) => return Inputs { unknown: Some(problem.message), ..Inputs::default() },
    };
    let mut all = Inputs::default();
    for (url, inputs) in renderer.inputs(&request) {
        // Other repositories stay as they are between two revisions of this one.
        if RepoUrlMap::same(&url, &own.url) {
            all.folders.extend(inputs.folders);
            all.files.extend(inputs.files);
        }
        all.revision |= inputs.revision;
        all.unknown = all.unknown.or(inputs.unknown);
    }
    all
}

struct Render {
    sources: Sources,
    renderer: Arc<NativeRenderer>,
    capabilities: Capabilities,
    /// Rendering before, rendering after, comparing: summed over all Applications.
    times: Mutex<[Duration; 3]>,
}

impl Render {
    async fn compare(
        &self,
        key: (SubjectKind, String),
        causes: Vec<String>,
        before: &At,
        after: &At,
    ) -> ApplicationDiff {
        let start = Instant::now();
        let old = self.side(before, &key).await;
        let rendered_before = start.elapsed();
        let new = self.side(after, &key).await;
        let rendered = start.elapsed();
        let diff = changes::compare(&key.1, causes, old, new);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let [before_time, after_time, compare_time] = &mut *times;
        *before_time += rendered_before;
        *after_time += rendered - rendered_before;
        *compare_time += start.elapsed() - rendered;
        diff
    }

    async fn side<'a>(&self, at: &'a At, key: &(SubjectKind, String)) -> Option<Side<'a>> {
        let subject = at.subjects.get(key)?;
        let renderer: &dyn Renderer = &*self.renderer;
        let rendered =
            render_one(&self.sources, renderer, &subject.application, &at.repository, &self.capabilities).await;
        let mut manifests = rendered.map(|rendered| rendered.manifests);
        if key.0 == SubjectKind::AppOfApps {
            // The Applications in it are entries of their own.
            manifests = manifests.map(|all| all.into_iter().filter(|m| m.kind() != "Application").collect());
        }
        Some(Side { subject, manifests })
    }
}
