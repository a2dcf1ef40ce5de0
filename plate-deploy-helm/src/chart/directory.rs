//! Charts from a folder or file on disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::MAX_CHART_BYTES;
use super::ignore::Rules;
use super::{Chart, ChartError};

/// Deepest nesting of folders; links that lead back up end here.
const MAX_DEPTH: usize = 100;

impl Chart {
    /// Loads a chart from its folder or its `.tgz`.
    ///
    /// Symbolic links are followed as Helm follows them, but only inside the folder: use [`Chart::load_path_within`]
    /// for charts that share files by links.
    ///
    /// # Errors
    /// [`ChartError`] with Helm's text.
    pub fn load_path(path: &Path) -> Result<Self, ChartError> {
        Self::load_path_within(path, path)
    }

    /// As [`Chart::load_path`], with links allowed to lead anywhere inside `root`.
    ///
    /// # Errors
    /// As [`Chart::load_path`].
    pub fn load_path_within(path: &Path, root: &Path) -> Result<Self, ChartError> {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        if !metadata.is_dir() {
            let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
            check_gzip(path, &bytes)?;
            return Self::from_archive(&bytes);
        }
        let root = fs::canonicalize(root).map_err(|source| io_error(root, source))?;
        let ignore = fs::read(path.join(".helmignore")).ok();
        let rules = Rules::parse(ignore.as_deref())?;
        let mut walk = Walk { root, rules, files: Vec::new(), bytes: 0 };
        walk.folder(path, "", 0)?;
        Self::from_kept_files(walk.files)
    }
}

struct Walk {
    root: PathBuf,
    rules: Rules,
    files: Vec<(String, Vec<u8>)>,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), ChartError> {
        if depth > MAX_DEPTH {
            return Err(ChartError::TooDeep(prefix.to_owned()));
        }
        for entry in fs::read_dir(folder).map_err(|source| io_error(folder, source))? {
            let entry = entry.map_err(|source| io_error(folder, source))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            self.entry(&entry.path(), name, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: String, depth: usize) -> Result<(), ChartError> {
        let mut metadata = fs::symlink_metadata(path).map_err(|source| io_error(path, source))?;
        if metadata.is_symlink() {
            // What is ignored is not looked at, wherever it leads.
            if self.rules.ignores(&name, true) && self.rules.ignores(&name, false) {
                return Ok(());
            }
            let target = fs::canonicalize(path).map_err(|source| io_error(path, source))?;
            if !target.starts_with(&self.root) {
                return Err(ChartError::LinkOutside { path: name });
            }
            metadata = fs::metadata(&target).map_err(|source| io_error(path, source))?;
        }
        if self.rules.ignores(&name, metadata.is_dir()) {
            return Ok(());
        }
        if metadata.is_dir() {
            return self.folder(path, &format!("{name}/"), depth + 1);
        }
        if !metadata.is_file() {
            return Err(ChartError::Irregular(name));
        }
        self.bytes += metadata.len();
        if self.bytes > MAX_CHART_BYTES as u64 {
            let problem = format!("chart exceeds maximum decompressed size of {MAX_CHART_BYTES} bytes");
            return Err(ChartError::Archive(problem));
        }
        self.files.push((name, fs::read(path).map_err(|source| io_error(path, source))?));
        Ok(())
    }
}

/// Helm's hint for a file that is no packaged chart.
fn check_gzip(path: &Path, bytes: &[u8]) -> Result<(), ChartError> {
    if bytes.starts_with(b"\x1F\x8B\x08") {
        return Ok(());
    }
    let (name, start) = (path.display(), bytes.get(..512).unwrap_or(bytes));
    let is_text = start.iter().all(|b| *b >= 0x20 || matches!(b, b'\t' | b'\n' | 0x0C | b'\r' | 0x1B));
    Err(ChartError::Archive(if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        format!("file '{name}' seems to be a YAML file, but expected a gzipped archive")
    } else {
        let kind = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
        format!("file '{name}' does not appear to be a gzipped archive; got '{kind}'")
    }))
}

fn io_error(path: &Path, source: std::io::Error) -> ChartError {
    ChartError::Io { path: path.display().to_string(), source }
}
