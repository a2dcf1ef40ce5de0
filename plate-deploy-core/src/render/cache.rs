//! Renders kept by content: what was rendered from the same files under the same settings is not rendered again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{RenderError, RenderRequest, Rendered, Renderer, Repository, join};
use crate::files::{File, RepoFiles};

type Hash = [u8; 32];

/// A renderer with a memory: one result for each Application, as long as nothing that went into it has changed.
///
/// What went in: the sources as written, name, project, namespace, capabilities and tracking; every file below a
/// source's folder; and every other file that the render read or looked for. The commit counts only where a source
/// mentions the build environment's revision. Charts with random values give the same ones until one of these changes.
#[derive(Debug)]
pub struct CachedRenderer {
    inner: Arc<dyn Renderer>,
    entries: Mutex<HashMap<String, Entry>>,
    rendered: AtomicUsize,
    kept: AtomicUsize,
}

/// How often the memory helped, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderCounts {
    /// Renders.
    pub rendered: usize,
    /// Answers without one.
    pub kept: usize,
}

#[derive(Debug)]
struct Entry {
    settings: Hash,
    content: Hash,
    /// Files outside the sources' folders that the render read, by repository.
    outside: Vec<(String, String)>,
    result: Arc<Rendered>,
}

impl CachedRenderer {
    /// Puts a memory in front of a renderer.
    #[must_use]
    pub fn new(inner: Arc<dyn Renderer>) -> Self {
        Self { inner, entries: Mutex::default(), rendered: AtomicUsize::new(0), kept: AtomicUsize::new(0) }
    }

    /// How often the memory helped.
    #[must_use]
    pub fn counts(&self) -> RenderCounts {
        RenderCounts { rendered: self.rendered.load(Ordering::Relaxed), kept: self.kept.load(Ordering::Relaxed) }
    }

    /// Forgets every result (a hard refresh).
    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self, request: &RenderRequest, settings: &Hash) -> Option<Arc<Rendered>> {
        let outside = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = entries.get(&request.app_name).filter(|entry| entry.settings == *settings)?;
            entry.outside.clone()
        };
        let content = content(request, &outside);
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&request.app_name).filter(|entry| entry.content == content)?;
        Some(Arc::clone(&entry.result))
    }
}

#[async_trait]
impl Renderer for CachedRenderer {
    async fn render(&self, request: RenderRequest) -> Result<Rendered, RenderError> {
        let settings = settings(&request);
        if let Some(known) = self.known(&request, &settings) {
            self.kept.fetch_add(1, Ordering::Relaxed);
            return Ok((*known).clone());
        }
        self.rendered.fetch_add(1, Ordering::Relaxed);
        // Cloning a request shares its files.
        let result = self.inner.render(request.clone()).await?;
        let outside = outside(&request, &result);
        let entry = Entry { settings, content: content(&request, &outside), outside, result: Arc::new(result.clone()) };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(request.app_name, entry);
        Ok(result)
    }
}

/// Everything but the files.
fn settings(request: &RenderRequest) -> Hash {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for text in [&request.app_name, &request.project, &request.namespace, &request.kube_version] {
        add(text);
    }
    for (source, repository) in &request.sources {
        let text = serde_json::to_string(source).unwrap_or_default();
        if mentions_revision(&text) || overrides_mention_revision(request, &source.path, &repository.files) {
            add(&repository.revision);
        }
        add(&repository.url);
        add(&text);
    }
    request.api_versions.iter().for_each(|version| add(version));
    add(&format!("{:?}", request.tracker));
    if let Some(seed) = &request.seed {
        add(&seed.now.to_string());
        hash.update(seed.key);
    }
    hash.finalize().into()
}

fn mentions_revision(text: &str) -> bool {
    text.contains("ARGOCD_APP_REVISION")
}

/// `.argocd-source.yaml` may bring parameters of its own.
fn overrides_mention_revision(request: &RenderRequest, folder: &str, files: &RepoFiles) -> bool {
    [".argocd-source.yaml".to_owned(), format!(".argocd-source-{}.yaml", request.app_name)].iter().any(|name| {
        let text = files.read(&join(folder, name)).ok().and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.is_some_and(mentions_revision)
    })
}

/// The files below the sources' folders, and the ones outside that were read.
fn content(request: &RenderRequest, outside: &[(String, String)]) -> Hash {
    let mut hash = Sha256::new();
    for (source, repository) in &request.sources {
        let Some(folder) = folder(&source.path, repository) else { continue };
        for (path, file) in repository.files.below(&folder) {
            add_file(&mut hash, path, Some(file));
        }
        hash.update([0]);
    }
    for (url, path) in outside {
        let repository = request.sources.iter().map(|(_, repository)| repository).find(|r| r.url == *url);
        let content = repository.and_then(|repository| repository.files.read(path).ok());
        add_file(&mut hash, path, content.map(|content| File::Blob(content.clone())).as_ref());
    }
    hash.finalize().into()
}

fn folder(path: &str, repository: &Repository) -> Option<String> {
    if path.is_empty() { None } else { repository.files.resolve(path).ok() }
}

fn add_file(hash: &mut Sha256, path: &str, file: Option<&File>) {
    let (kind, content): (u8, &[u8]) = match file {
        None => (0, &[]),
        Some(File::Blob(content)) => (1, content),
        Some(File::Symlink(target)) => (2, target.as_bytes()),
        Some(File::TooLarge(_)) => (3, &[]),
    };
    hash.update([kind]);
    hash.update((path.len() as u64).to_be_bytes());
    hash.update(path);
    hash.update((content.len() as u64).to_be_bytes());
    hash.update(content);
}

fn outside(request: &RenderRequest, rendered: &Rendered) -> Vec<(String, String)> {
    let folders: Vec<(&str, String)> = request
        .sources
        .iter()
        .filter_map(|(source, repository)| Some((repository.url.as_str(), folder(&source.path, repository)?)))
        .collect();
    let inside = |url: &str, path: &str| {
        folders.iter().any(|(of, folder)| {
            *of == url && (folder.is_empty() || path.strip_prefix(folder.as_str()).is_some_and(|r| r.starts_with('/')))
        })
    };
    let read = rendered.files_read.iter().flat_map(|(url, paths)| paths.iter().map(move |path| (url, path)));
    read.filter(|(url, path)| !inside(url, path)).map(|(url, path)| (url.clone(), path.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::application::ApplicationSource;
    use crate::render::NativeRenderer;

    fn request(files: &RepoFiles, revision: &str) -> RenderRequest {
        let source = ApplicationSource {
            path: "chart".into(),
            helm: Some(crate::model::application::HelmSource {
                value_files: vec!["../values/a.yaml".into()],
                ignore_missing_value_files: true,
                ..Default::default()
            }),
            ..ApplicationSource::default()
        };
        let repository = Repository { url: "r".into(), files: files.clone(), revision: revision.into() };
        RenderRequest { app_name: "a".into(), sources: vec![(source, repository)], ..RenderRequest::default() }
    }

    fn data(rendered: &Rendered) -> String {
        rendered.manifests[0].value()["data"]["a"].as_str().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn only_a_change_of_what_was_read_renders_again() {
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '{{ .Values.a }}'}\n";
        let files = RepoFiles::from_texts([
            ("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("chart/templates/x.yaml", template),
            ("values/a.yaml", "a: one\n"),
            ("other.txt", "x"),
        ]);
        let renderer = CachedRenderer::new(Arc::new(NativeRenderer::default()));
        let put = |path: &str, text: &'static str| files.with([(path.to_owned(), Some(text.into()))]);
        assert_eq!(data(&renderer.render(request(&files, "1")).await.unwrap()), "one");
        renderer.render(request(&put("other.txt", "y"), "2")).await.unwrap();
        assert_eq!(renderer.counts(), RenderCounts { rendered: 1, kept: 1 }, "another file, another commit");
        let changed = renderer.render(request(&put("values/a.yaml", "a: two\n"), "3")).await.unwrap();
        assert_eq!((data(&changed).as_str(), renderer.counts().rendered), ("two", 2), "a file outside the folder");
        renderer.render(request(&put("chart/templates/y.yaml", ""), "4")).await.unwrap();
        assert_eq!(renderer.counts().rendered, 3, "a new file in the folder");
        let gone = files.with([("values/a.yaml".to_owned(), None)]);
        assert_eq!(data(&renderer.render(request(&gone, "5")).await.unwrap()), "", "a file that is gone");
        let mut other = request(&gone, "5");
        other.namespace = "n".into();
        renderer.render(other).await.unwrap();
        assert_eq!(renderer.counts().rendered, 5, "another setting");
    }
}
