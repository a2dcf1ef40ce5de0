//! Packaged charts: gzipped tar archives, read with the checks that a stranger's archive needs.

use std::io::Read as _;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{ChartError, File};

/// Largest chart, unpacked: Helm's default.
pub const MAX_CHART_BYTES: usize = 100 * 1024 * 1024;

/// What is left of [`MAX_CHART_BYTES`] for one chart and everything in it.
pub(super) struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_CHART_BYTES }
    }
}

impl Budget {
    pub(super) fn take(&mut self, bytes: usize, problem: &str) -> Result<(), ChartError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(ChartError::Archive(format!("{problem} {MAX_CHART_BYTES} bytes"))),
        }
    }
}

/// The files of an archive as a folder, for lint.
pub(crate) fn unpack_files(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ChartError> {
    let files = unpack(bytes, &mut Budget::default())?;
    Ok(files.into_iter().map(|file| (file.name, file.data.to_vec())).collect())
}

/// Reads all files of an archive; the first part of each path, the chart's folder, is dropped.
pub(super) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Vec<File>, ChartError> {
    if !bytes.starts_with(b"\x1F\x8B") {
        return Err(ChartError::Archive("gzip: invalid header".into()));
    }
    let broken = |error: std::io::Error| ChartError::Archive(error.to_string());
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if raw.ends_with('/') {
            continue;
        }
        let name = inside_path(&raw)?;
        let too_large = "decompressed chart is larger than the maximum size";
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        budget.take(size, too_large)?;
        let mut data = Vec::new();
        // The header may lie about the size: never read more than it says.
        (&mut entry).take(size as u64).read_to_end(&mut data).map_err(broken)?;
        if data.len() < size {
            return Err(ChartError::Archive(format!("{too_large} {MAX_CHART_BYTES} bytes")));
        }
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&data);
        files.push(File { name, data: Arc::from(data) });
    }
    if files.is_empty() {
        return Err(ChartError::Archive("no files in chart archive".into()));
    }
    Ok(files)
}

/// The path inside the chart, or why there is none. Archives made on Windows have backslashes.
fn inside_path(raw: &str) -> Result<String, ChartError> {
    let refuse = |problem: &str| Err(ChartError::Archive(problem.to_owned()));
    let delimiter = if raw.contains('\\') { '\\' } else { '/' };
    let mut parts = raw.split(delimiter);
    let first = parts.next().unwrap_or_default();
    let path = parts.collect::<Vec<_>>().join("/");
    if path.starts_with('/') {
        return refuse("chart illegally contains absolute paths");
    }
    let path = clean(&path);
    if path == "." {
        let problem = format!("chart illegally contains content outside the base directory: {raw:?}");
        return Err(ChartError::Archive(problem));
    }
    if path.starts_with("..") {
        return refuse("chart illegally references parent directory");
    }
    if matches!(path.as_bytes(), [drive, b':', b'/', ..] if drive.is_ascii_alphabetic()) {
        return refuse("chart contains illegally named files");
    }
    if first == "Chart.yaml" {
        return refuse("chart yaml not in base directory");
    }
    Ok(path)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, data) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            // `set_path` refuses what an attacker would write.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn names(entries: &[(&str, &[u8])]) -> Result<Vec<String>, String> {
        let files = unpack(&archive(entries), &mut Budget::default()).map_err(|e| e.to_string())?;
        Ok(files.into_iter().map(|file| file.name).collect())
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(names(&[("web/Chart.yaml", b"x"), ("web/a/./b", b"")]).unwrap(), ["Chart.yaml", "a/b"]);
        assert_eq!(names(&[("web\\a\\b", b"")]).unwrap(), ["a/b"]);
        for (path, problem) in [
            ("web//etc/passwd", "chart illegally contains absolute paths"),
            ("web/../../x", "chart illegally references parent directory"),
            ("web/..x", "chart illegally references parent directory"),
            ("x", "chart illegally contains content outside the base directory: \"x\""),
            ("web/c:/x", "chart contains illegally named files"),
            ("Chart.yaml/x", "chart yaml not in base directory"),
        ] {
            assert_eq!(names(&[(path, b"")]).unwrap_err(), problem, "{path}");
        }
        assert_eq!(names(&[]).unwrap_err(), "no files in chart archive");
    }

    #[test]
    fn bombs_are_refused() {
        let zeros = vec![0; 60 * 1024 * 1024];
        let error = names(&[("web/a", &zeros), ("web/b", &zeros)]).unwrap_err();
        assert!(error.starts_with("decompressed chart is larger"), "{error}");
        let mut lying = archive(&[("web/a", b"hello")]);
        lying.truncate(lying.len() / 2);
        assert!(unpack(&lying, &mut Budget::default()).is_err());
    }
}
