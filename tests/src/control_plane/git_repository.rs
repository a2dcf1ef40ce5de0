//! A Git repository on disk that a real Argo CD clones: made and changed with the real `git`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A repository with a working folder, branch `main`. It goes when the value is dropped.
#[derive(Debug)]
pub struct GitRepository {
    dir: TempDir,
}

impl GitRepository {
    /// A repository whose first commit holds the files of `folder`.
    ///
    /// # Errors
    /// When a file cannot be copied, or git fails.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let repository = Self { dir: tempfile::tempdir()? };
        crate::platform::copy_folder(folder, &repository.folder())?;
        repository.git(["init", "--quiet", "--initial-branch=main"])?;
        repository.commit("Import")?;
        Ok(repository)
    }

    /// The working folder: files changed here become part of the next [`Self::commit`].
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// The address that Argo CD clones from, `file:///…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("file://{}", self.folder().display())
    }

    /// Writes one file, making its folders.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let file = self.folder().join(path);
        fs::create_dir_all(file.parent().context("a file in the repository")?)?;
        Ok(fs::write(file, text)?)
    }

    /// Replaces text in every file below `path` that holds it; how many files that were.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn replace_below(&self, path: &str, from: &str, to: &str) -> Result<usize> {
        let mut folders = vec![self.folder().join(path)];
        let mut changed = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                if path.is_dir() && path.file_name() != Some(OsStr::new(".git")) {
                    folders.push(path);
                } else if path.is_file() {
                    let Ok(text) = fs::read_to_string(&path) else { continue };
                    if text.contains(from) {
                        fs::write(&path, text.replace(from, to))?;
                        changed += 1;
                    }
                }
            }
        }
        Ok(changed)
    }

    /// Commits everything that has changed in the folder; the commit's id.
    ///
    /// # Errors
    /// When git fails, or nothing has changed.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(["add", "--all"])?;
        self.git(["commit", "--quiet", "--message", message])?;
        self.git(["rev-parse", "HEAD"])
    }

    fn git<const N: usize>(&self, args: [&str; N]) -> Result<String> {
        let output = Command::new("git")
            .args(["-c", "user.name=plate-deploy", "-c", "user.email=tests@plate-deploy.invalid"])
            .args(["-c", "commit.gpgSign=false"])
            .args(args)
            .current_dir(self.folder())
            .output()
            .context("cannot start git")?;
        ensure!(output.status.success(), "git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
