//! What a render may read, found without rendering: [`Inputs`].
//!
//! A superset of [`Rendered::files_read`](super::Rendered::files_read): when no changed path touches the inputs at either of two
//! revisions, both renders are equal, and neither has to be done.

use std::collections::{BTreeMap, BTreeSet};

use super::{NativeRenderer, RenderRequest, Rendered, Repository, Source, chart, join};
use crate::files::{File, RepoFiles};
use crate::model::application::{HelmParameter, HelmSource, SourceType};

/// The build environment's names that differ between revisions.
const REVISION: &str = "ARGOCD_APP_REVISION";

/// Files that make a folder a kustomization.
const KUSTOMIZATIONS: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Most folders that symlinks of one source may bring in.
const MAX_LINKED: usize = 1000;

/// The files and folders that a render may read in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Folders with everything in them; `""`: the whole repository.
    pub folders: BTreeSet<String>,
    /// Single files, those included that would be read if they were there.
    pub files: BTreeSet<String>,
    /// The commit's id itself is an input (`$ARGOCD_APP_REVISION` in a parameter or a path).
    pub revision: bool,
    /// They cannot be told, because the source is broken; why.
    pub unknown: Option<String>,
}

impl Inputs {
    /// Whether a change of this path may change the render.
    #[must_use]
    pub fn touched_by(&self, path: &str) -> bool {
        let mut folder = path;
        if self.files.contains(path) || self.folders.contains("") || self.folders.contains(path) {
            return true;
        }
        while let Some((outer, _)) = folder.rsplit_once('/') {
            if self.folders.contains(outer) {
                return true;
            }
            folder = outer;
        }
        false
    }

    /// A path as an Application names it: the links on it, and where it leads.
    fn add(&mut self, files: &RepoFiles, path: &str, folder: bool) -> Option<String> {
        let mut links = Vec::new();
        let real = files.follow(path, &mut links);
        self.files.extend(links);
        match real {
            Ok(real) => {
                if folder {
                    self.folders.insert(real.clone());
                } else {
                    self.files.insert(real.clone());
                }
                Some(real)
            }
            Err(error) => {
                self.unknown.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    /// A folder with what the symlinks in it lead to.
    fn add_folder(&mut self, files: &RepoFiles, folder: &str) {
        let mut todo: Vec<String> = self.add(files, folder, true).into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(folder) = todo.pop().filter(|_| seen.len() < MAX_LINKED) {
            if !seen.insert(folder.clone()) {
                continue;
            }
            for (path, file) in files.below(&folder) {
                if matches!(file, File::Symlink(_)) {
                    // Both: only a look at the target tells which it is, and that may change.
                    todo.extend(self.add(files, &join(&folder, path), true));
                }
            }
        }
        if !todo.is_empty() {
            self.unknown.get_or_insert_with(|| "too many symbolic links".into());
        }
    }
}

impl NativeRenderer {
    /// What a render may read, by repository URL as the sources name it, without rendering.
    ///
    /// ```
    /// use plate_deploy_core::files::RepoFiles;
    /// use plate_deploy_core::model::application::ApplicationSource;
    /// use plate_deploy_core::render::{NativeRenderer, RenderRequest, Repository};
    ///
    /// let files = RepoFiles::from_texts([("app/cm.yaml", ""), ("other/cm.yaml", "")]);
    /// let repository = Repository { url: "https://git.example.com/r".into(), files, revision: "0123".into() };
    /// let source = ApplicationSource { path: "app".into(), ..ApplicationSource::default() };
    /// let request = RenderRequest { sources: vec![(source, repository)], ..RenderRequest::default() };
    /// let inputs = NativeRenderer::default().inputs(&request);
    /// assert!(inputs["https://git.example.com/r"].touched_by("app/cm.yaml"));
    /// assert!(!inputs["https://git.example.com/r"].touched_by("other/cm.yaml"));
    /// ```
    #[must_use]
    pub fn inputs(&self, request: &RenderRequest) -> BTreeMap<String, Inputs> {
        let mut all = BTreeMap::new();
        for (source, repository) in &request.sources {
            if source.is_ref() && source.path.is_empty() && source.chart.is_empty() && request.sources.len() > 1 {
                continue;
            }
            let mut unused = Rendered::default();
            match Source::new(request, source, repository, &self.caches, &mut unused) {
                Ok(source) => source.note_inputs(&mut all),
                Err(error) => {
                    let inputs = entry(&mut all, repository);
                    inputs.add_folder(&repository.files, &source.path);
                    inputs.unknown.get_or_insert_with(|| error.to_string());
                }
            }
        }
        all
    }
}

fn entry<'a>(all: &'a mut BTreeMap<String, Inputs>, repository: &Repository) -> &'a mut Inputs {
    all.entry(repository.url.clone()).or_default()
}

impl Source<'_> {
    fn note_inputs(&self, all: &mut BTreeMap<String, Inputs>) {
        self.note_folder(entry(all, self.repository));
        let helm = self.source.helm.clone().unwrap_or_default();
        if mentions_revision(&helm) {
            entry(all, self.repository).revision = true;
        }
        let parameters = helm.file_parameters.iter().map(|parameter| parameter.path.clone());
        for name in helm.value_files.iter().cloned().chain(parameters) {
            match self.located(&name) {
                Ok(found) => {
                    for (repository, path) in found {
                        entry(all, repository).add(&repository.files, &path, false);
                    }
                }
                Err(why) => {
                    entry(all, self.repository).unknown.get_or_insert(why);
                }
            }
        }
        for dependency in local_dependencies(&self.repository.files, &self.folder) {
            entry(all, self.repository).add_folder(&self.repository.files, &join(&self.folder, &dependency));
        }
    }

    /// The source's folder: of a chart that shows no files of its own to its templates only what Helm always reads, so
    /// that another environment's values file beside it does not count.
    fn note_folder(&self, inputs: &mut Inputs) {
        let files = &self.repository.files;
        let is_chart = files.is_file(&join(&self.folder, "Chart.yaml")) && !self.says(|_| true, KUSTOMIZATIONS);
        let is_chart = is_chart && !matches!(self.source.explicit_type(), Err(_) | Ok(Some(SourceType::Directory)));
        let shows_files = || {
            let source = serde_json::to_string(&self.source.helm).unwrap_or_default();
            names_files(&source) || self.says(names_files, &[])
        };
        if !is_chart || shows_files() {
            inputs.add_folder(files, &self.source.path);
            return;
        }
        // The links on the way to the folder, and in it.
        inputs.add(files, &self.source.path, false);
        for (path, file) in files.below(&self.folder) {
            if matches!(file, File::Symlink(_)) {
                inputs.add_folder(files, &join(&self.folder, path));
            }
        }
        inputs.folders.extend(chart::ALWAYS_READ_FOLDERS.map(|name| join(&self.folder, name)));
        let own = format!(".argocd-source-{}.yaml", self.request.app_name);
        let more = [".argocd-source.yaml", own.as_str()];
        let names = chart::ALWAYS_READ_FILES.iter().chain(KUSTOMIZATIONS).chain(&more);
        inputs.files.extend(names.map(|name| join(&self.folder, name)));
    }

    /// Whether a text file of the folder is one of `names`, or (without names) its text fits.
    fn says(&self, fits: impl Fn(&str) -> bool, names: &[&str]) -> bool {
        self.repository.files.below(&self.folder).any(|(path, file)| match (names.is_empty(), file) {
            (false, _) => names.contains(&path),
            // Archives hold whole charts, whose files are their own.
            (true, File::Blob(content)) if !path.ends_with(".tgz") => fits(&String::from_utf8_lossy(content)),
            (true, File::TooLarge(_)) => true,
            _ => false,
        })
    }

    /// The paths that a name stands for, symlinks not followed.
    fn located(&self, name: &str) -> Result<Vec<(&Repository, String)>, String> {
        let (repository, path) = match self.referenced(name) {
            Some((repository, rest)) => (repository, rest.to_owned()),
            None => (self.repository, name.to_owned()),
        };
        let substituted = self.env.substitute(&path);
        let from_root = self.referenced(name).is_some() || substituted.starts_with('/');
        let trimmed = substituted.trim_start_matches('/');
        let written = if from_root { trimmed.to_owned() } else { join(&self.folder, trimmed) };
        if !super::file_glob::is_glob(&written) {
            return Ok(vec![(repository, written)]);
        }
        let pattern = repository.files.resolve(&written).map_err(|error| error.to_string())?;
        let matches = super::file_glob::expand(&repository.files, &pattern)?;
        Ok(matches.into_iter().map(|path| (repository, path)).collect())
    }
}

/// Whether the word `Files` stands in a text, as in `.Files.Get` or `index . "Files"`.
fn names_files(text: &str) -> bool {
    let before = |at: usize| text.get(..at).and_then(|before| before.chars().next_back());
    text.match_indices("Files").any(|(at, _)| !before(at).is_some_and(char::is_alphanumeric))
}

fn mentions_revision(helm: &HelmSource) -> bool {
    let values = helm.parameters.iter().map(|HelmParameter { value, .. }| value);
    let paths = helm.value_files.iter().chain(helm.file_parameters.iter().map(|parameter| &parameter.path));
    values.chain(paths).any(|text| text.contains(REVISION))
}

/// `file://` paths among a chart's dependencies, without the scheme.
fn local_dependencies(files: &RepoFiles, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["Chart.yaml", "requirements.yaml"] {
        let Ok(content) = files.read(&join(folder, name)) else { continue };
        let text = String::from_utf8_lossy(content);
        // What is no URL at all may also be found: it only makes the inputs larger.
        for (at, _) in text.match_indices("file://") {
            let rest = text.get(at + "file://".len()..).unwrap_or_default();
            let end = rest.find(|c: char| c.is_whitespace() || "\"',}]#".contains(c)).unwrap_or(rest.len());
            found.extend(rest.get(..end).filter(|path| !path.is_empty() && !path.starts_with('/')).map(str::to_owned));
        }
    }
    found
}
