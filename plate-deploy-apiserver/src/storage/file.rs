//! The store file: an append-only log of changes, rewritten as a snapshot when most of it is history.
//!
//! Layout: 16 bytes of magic, then records `length: u32 LE, crc32: u32 LE, JSON`. A record is
//! `[version, resource, namespace, name, object or null]`. A torn or damaged tail is cut off when the file is opened:
//! everything before it was written completely. A snapshot is written to a new file that then takes the name.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::{Key, Stored};

const MAGIC: &[u8; 16] = b"plate-deploy-st1";
/// A record larger than this is damage, not data.
const MAX_RECORD: u32 = 64 << 20;
/// A log this many times larger than its last snapshot is rewritten.
const GROWTH: u64 = 4;
const MIN_COMPACT: u64 = 4 << 20;

/// A store file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFileError {
    /// Another process has it open.
    #[error("store file {0} is in use by another process; stop it or choose another file")]
    Locked(PathBuf),
    /// Not written by this program.
    #[error("{0} is not a plate-deploy store file; choose another path or remove it")]
    Foreign(PathBuf),
    /// Reading or writing failed.
    #[error("store file {path}: {action}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: std::io::Error,
    },
}

#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    file: File,
    /// Held as long as the store is open; the data file itself may be replaced.
    _lock: File,
    length: u64,
    snapshot: u64,
}

type Opened = (StoreFile, u64, BTreeMap<Key, Stored>);

impl StoreFile {
    pub(super) fn open(path: &Path) -> Result<Opened, StoreFileError> {
        let fail = |action| move |source| StoreFileError::Io { path: path.to_owned(), action, source };
        let lock_path = path.with_extension("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(fail("open the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(StoreFileError::Locked(path.to_owned())),
            Err(std::fs::TryLockError::Error(e)) => return Err(fail("lock")(e)),
        }
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = file.map_err(fail("open"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read"))?;
        let (mut version, mut objects) = (0, BTreeMap::new());
        let mut length = MAGIC.len() as u64;
        if bytes.len() < MAGIC.len() {
            if !MAGIC.starts_with(&bytes) {
                return Err(StoreFileError::Foreign(path.to_owned()));
            }
            file.seek(SeekFrom::Start(0)).map_err(fail("seek"))?;
            file.write_all(MAGIC).map_err(fail("write"))?;
        } else if bytes.starts_with(MAGIC) {
            length = replay(&bytes, &mut version, &mut objects) as u64;
        } else {
            return Err(StoreFileError::Foreign(path.to_owned()));
        }
        file.set_len(length).map_err(fail("cut off the damaged tail"))?;
        file.seek(SeekFrom::Start(length)).map_err(fail("seek"))?;
        let snapshot = length;
        Ok((StoreFile { path: path.to_owned(), file, _lock: lock, length, snapshot }, version, objects))
    }

    fn fail(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> StoreFileError + use<> {
        let path = self.path.clone();
        move |source| StoreFileError::Io { path, action, source }
    }

    pub(super) fn append(&mut self, version: u64, key: &Key, object: Option<&Value>) -> Result<(), StoreFileError> {
        let record = record(version, key, object);
        if let Err(source) = self.file.write_all(&record) {
            // Half a record may be in the file: cut it off, or later records would be lost behind it.
            let back = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            back.map_err(self.fail("undo a failed append"))?;
            return Err(self.fail("append")(source));
        }
        self.length += record.len() as u64;
        Ok(())
    }

    pub(super) fn compact_if_large(
        &mut self,
        version: u64,
        objects: &BTreeMap<Key, Stored>,
    ) -> Result<(), StoreFileError> {
        if self.length < MIN_COMPACT || self.length < self.snapshot.saturating_mul(GROWTH) {
            return Ok(());
        }
        let mut bytes = MAGIC.to_vec();
        for (key, stored) in objects {
            bytes.extend(record(stored.version, key, Some(&stored.object)));
        }
        // The counter outlives the objects: a deletion may have been the last change.
        bytes.extend(record(version, &Key::new("", "", ""), None));
        let next = self.path.with_extension("new");
        let mut file = File::create(&next).map_err(self.fail("create the snapshot"))?;
        file.write_all(&bytes).map_err(self.fail("write the snapshot"))?;
        file.sync_all().map_err(self.fail("sync the snapshot"))?;
        std::fs::rename(&next, &self.path).map_err(self.fail("replace the log by the snapshot"))?;
        self.file = file;
        self.length = bytes.len() as u64;
        self.snapshot = self.length;
        Ok(())
    }
}

impl Drop for StoreFile {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure; the log is readable up to the last complete record anyway.
        drop(self.file.sync_all());
    }
}

fn record(version: u64, key: &Key, object: Option<&Value>) -> Vec<u8> {
    let body = serde_json::to_vec(&(version, key.resource.as_ref(), &key.namespace, &key.name, object));
    let body = body.unwrap_or_default();
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let mut out = Vec::with_capacity(body.len() + 8);
    out.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(crc.sum().to_le_bytes());
    out.extend(body);
    out
}

/// Reads records until the end or the first damage; returns the length of the good part.
fn replay(bytes: &[u8], version: &mut u64, objects: &mut BTreeMap<Key, Stored>) -> usize {
    let mut at = MAGIC.len();
    while let Some((body, end)) = next_record(bytes, at) {
        let parsed: Result<(u64, String, String, String, Option<Value>), _> = serde_json::from_slice(body);
        let Ok((v, resource, namespace, name, object)) = parsed else { break };
        *version = (*version).max(v);
        let key = Key { resource: resource.into(), namespace, name };
        match object {
            Some(object) => {
                objects.insert(key, Stored { version: v, object: Arc::new(object) });
            }
            None => {
                objects.remove(&key);
            }
        }
        at = end;
    }
    at
}

fn next_record(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let head = bytes.get(at..at + 8)?;
    let length = u32::from_le_bytes(head.get(..4)?.try_into().ok()?);
    let crc = u32::from_le_bytes(head.get(4..)?.try_into().ok()?);
    if length > MAX_RECORD {
        return None;
    }
    let end = at + 8 + length as usize;
    let body = bytes.get(at + 8..end)?;
    let mut sum = flate2::Crc::new();
    sum.update(body);
    (sum.sum() == crc).then_some((body, end))
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Store};
    use super::*;
    use serde_json::json;

    #[test]
    fn survives_reopening_and_any_torn_tail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let key = |n: &str| Key::new("configmaps", "default", n);
        {
            let s = Store::open(&path).unwrap();
            let a = s.create(key("a"), json!({"metadata": {}})).unwrap();
            s.create(key("b"), json!({"metadata": {}})).unwrap();
            s.delete(key("a"), a.version, json!({"metadata": {}})).unwrap();
            assert!(matches!(Store::open(&path), Err(StoreFileError::Locked(_))));
        }
        let whole = std::fs::read(&path).unwrap();
        {
            let s = Store::open(&path).unwrap();
            assert_eq!((s.version(), s.list("configmaps", None).1.len()), (4, 1));
        }
        for cut in MAGIC.len()..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let s = Store::open(&path).unwrap();
            let at = s.version();
            let new = s.create(key("after"), json!({"metadata": {}})).unwrap();
            assert_eq!(new.version, at + 1);
            drop(s);
            assert_eq!(Store::open(&path).unwrap().version(), new.version, "cut at {cut}");
        }
        std::fs::write(&path, b"something else entirely").unwrap();
        assert!(matches!(Store::open(&path), Err(StoreFileError::Foreign(_))));
    }
}
