//! An append-only file of records: one line each, `checksum JSON`, on the disk before the call returns.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{StateError, io};

/// Hexadecimal digits of the checksum at the start of a line.
const CHECKSUM: usize = 16;

/// The file. Calls may come from several threads; [`super::ProcessLock`] keeps other processes out.
#[derive(Debug)]
pub struct RecordLog {
    path: PathBuf,
    /// Open at the end of the last good record, once something was appended.
    file: Mutex<Option<File>>,
}

/// The good records of a file.
struct Good<'a> {
    records: Vec<&'a [u8]>,
    /// Bytes up to the end of the last good record.
    length: usize,
}

impl RecordLog {
    /// The log at this path; nothing is opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::default() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every record. A file that is not there has none; a torn last line is left out.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read, or a record in its middle is damaged.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, StateError> {
        let bytes = self.bytes()?;
        let good = self.good(&bytes)?;
        let parse = |(n, json): (usize, &&[u8])| {
            serde_json::from_slice(json).map_err(|e| StateError::Io {
                path: format!("{}:{}", self.path.display(), n + 1),
                action: "understand the record (was it written by a newer version?)",
                message: e.to_string(),
            })
        };
        good.records.iter().enumerate().map(parse).collect()
    }

    /// Adds a record and waits until it is on the disk.
    ///
    /// # Errors
    /// [`StateError`] when it could not be written; then it is not in the log.
    pub fn append(&self, record: &impl Serialize) -> Result<(), StateError> {
        let line = line(record).map_err(io(&self.path, "encode a record"))?;
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match slot.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let end = file.stream_position().map_err(io(&self.path, "find the end of"))?;
        if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
            // Half a line may be there: cut it off, or what follows would stand behind damage. When even that fails the
            // next open does it, because the line has no good checksum.
            let _ = file.set_len(end);
            return Err(io(&self.path, "append to")(error));
        }
        *slot = Some(file);
        Ok(())
    }

    /// Puts these records in the place of all others, in one step.
    ///
    /// # Errors
    /// [`StateError`]; then the file is as it was.
    pub fn replace<T: Serialize>(&self, records: &[T]) -> Result<(), StateError> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        self.make_folder()?;
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend(line(record).map_err(io(&self.path, "encode a record"))?);
        }
        let draft = self.path.with_extension("new");
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.path)?;
            sync_folder(&self.path)
        };
        write().map_err(io(&self.path, "replace"))
    }

    fn bytes(&self) -> Result<Vec<u8>, StateError> {
        match std::fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(io(&self.path, "read")),
        }
    }

    /// Opens for appending; a torn tail is cut off.
    fn open(&self) -> Result<File, StateError> {
        self.make_folder()?;
        let is_new = !self.path.exists();
        let bytes = self.bytes()?;
        let length = self.good(&bytes)?.length as u64;
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path)?;
            if length < bytes.len() as u64 {
                file.set_len(length)?;
                file.sync_all()?;
            }
            file.seek(SeekFrom::Start(length))?;
            if is_new {
                sync_folder(&self.path)?;
            }
            Ok(file)
        };
        open().map_err(io(&self.path, "open"))
    }

    fn make_folder(&self) -> Result<(), StateError> {
        match self.path.parent() {
            Some(folder) => std::fs::create_dir_all(folder).map_err(io(folder, "make the folder")),
            None => Ok(()),
        }
    }

    fn good<'a>(&self, bytes: &'a [u8]) -> Result<Good<'a>, StateError> {
        let mut good = Good { records: Vec::new(), length: 0 };
        let mut bad: Option<usize> = None;
        for (n, whole) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            match record(whole) {
                Some(json) if bad.is_none() => {
                    good.records.push(json);
                    good.length += whole.len();
                }
                Some(_) => {
                    let line = bad.unwrap_or_default() + 1;
                    return Err(StateError::Damaged { path: self.path.display().to_string(), line });
                }
                None => bad = bad.or(Some(n)),
            }
        }
        Ok(good)
    }
}

/// The JSON of a complete line whose checksum fits.
fn record(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, rest) = line.split_at_checked(CHECKSUM)?;
    let json = rest.strip_prefix(b" ")?;
    (sum == checksum(json).as_bytes()).then_some(json)
}

fn line(record: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let json = serde_json::to_vec(record)?;
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

fn checksum(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(CHECKSUM / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// A new name is on the disk only once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &tempfile::TempDir) -> RecordLog {
        RecordLog::new(dir.path().join("state/a.log"))
    }

    #[test]
    fn every_torn_tail_is_cut_off_and_appending_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(log(&dir).read::<String>().unwrap(), Vec::<String>::new());
        for word in ["one", "two", "three"] {
            log(&dir).append(&word).unwrap();
        }
        let whole = std::fs::read(log(&dir).path()).unwrap();
        let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
        for cut in 0..=whole.len() {
            std::fs::write(log(&dir).path(), &whole[..cut]).unwrap();
            let complete = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(log(&dir).read::<String>().unwrap().len(), complete, "cut at {cut}");
            log(&dir).append(&"after").unwrap();
            let all = log(&dir).read::<String>().unwrap();
            assert_eq!((all.len(), all.last().unwrap().as_str()), (complete + 1, "after"), "cut at {cut}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_told_not_skipped() {
        let dir = tempfile::tempdir().unwrap();
        for word in ["one", "two"] {
            log(&dir).append(&word).unwrap();
        }
        let mut bytes = std::fs::read(log(&dir).path()).unwrap();
        bytes[CHECKSUM + 2] ^= 1;
        std::fs::write(log(&dir).path(), bytes).unwrap();
        assert!(matches!(log(&dir).read::<String>(), Err(StateError::Damaged { line: 1, .. })));
        assert!(matches!(log(&dir).append(&"x"), Err(StateError::Damaged { .. })));
    }

    #[test]
    fn replacing_is_one_step() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(&dir);
        log.append(&"one").unwrap();
        log.replace(&["two", "three"]).unwrap();
        log.append(&"four").unwrap();
        assert_eq!(log.read::<String>().unwrap(), ["two", "three", "four"]);
    }
}
