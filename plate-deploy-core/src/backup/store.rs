//! Backups on disk: written in one step, read with every checksum checked, thinned out.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::manifests::{is_secret, lacks_data, restorable, without_data};
use super::{BackedUpApplication, Backup, BackupContents, BackupError, BackupInfo, Identities, Recipients};
use crate::model::Manifest;
use crate::yaml;

/// The list of files.
const INDEX: &str = "backup.json";
/// End of the name of a folder that is not complete.
const PARTIAL: &str = ".partial";
/// Largest decrypted file.
const MAX_SECRETS: u64 = 256 << 20;

/// The backups below a folder.
#[derive(Clone, Debug)]
pub struct BackupStore {
    root: PathBuf,
}

impl BackupStore {
    /// The store in a folder.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Writes a backup; it appears with its name when it is complete.
    ///
    /// # Errors
    /// [`BackupError`]; then there is no such backup.
    pub fn write(&self, contents: BackupContents, recipients: &Recipients) -> Result<Backup, BackupError> {
        let folder = self.environment(&contents.info.environment)?;
        let name = format!("{}-{}", contents.info.created.strftime("%Y%m%dT%H%M%SZ"), contents.info.run);
        let (draft, complete) = (folder.join(format!("{name}{PARTIAL}")), folder.join(&name));
        make_private(&folder)?;
        self.sweep(&folder)?;
        make_private(&draft)?;
        let mut info = BackupInfo { name, encrypted: !recipients.is_empty(), ..contents.info };
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for (path, content) in contents.values {
            files.push((format!("values/{path}"), content.to_vec()));
        }
        for application in &contents.applications {
            files.extend(application_files(application, recipients)?);
        }
        for (path, content) in files {
            info.files.insert(path.clone(), digest(&content));
            write_file(&draft, &path, &content)?;
        }
        let index =
            serde_json::to_vec_pretty(&info).map_err(|e| io(&draft.join(INDEX), "encode")(std::io::Error::other(e)))?;
        write_file(&draft, INDEX, &index)?;
        if complete.exists() {
            // The same run, cut off and continued within one second: what it found first is what is to be kept.
            fs::remove_dir_all(&draft).map_err(io(&draft, "remove"))?;
            if let Some(first) = self.list(&info.environment)?.into_iter().find(|first| first.name == info.name) {
                info = first;
            }
        } else {
            fs::rename(&draft, &complete).map_err(io(&complete, "name the finished backup"))?;
        }
        File::open(&folder).and_then(|f| f.sync_all()).map_err(io(&folder, "sync"))?;
        Ok(Backup { info, folder: complete, applications: contents.applications })
    }

    /// The backups of an environment, oldest first. A folder whose list cannot be read is left out.
    ///
    /// # Errors
    /// [`BackupError::Io`] when the folder cannot be read.
    pub fn list(&self, environment: &str) -> Result<Vec<BackupInfo>, BackupError> {
        let folder = self.environment(environment)?;
        let mut all: Vec<BackupInfo> = names(&folder)?
            .into_iter()
            .filter_map(|name| {
                let info: BackupInfo = serde_json::from_slice(&fs::read(folder.join(&name).join(INDEX)).ok()?).ok()?;
                (info.name == name).then_some(info)
            })
            .collect();
        all.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        Ok(all)
    }

    /// Reads a backup and checks that it is complete and unchanged. `latest` is the newest that was not made by a
    /// restore: those show what was there when something was wrong already.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open(&self, environment: &str, name: &str, identities: &Identities) -> Result<Backup, BackupError> {
        let mut all = self.list(environment)?;
        let at = if name == "latest" {
            all.iter().rposition(|info| info.verb != "restore")
        } else {
            all.iter().position(|info| info.name == name)
        };
        let Some(at) = at else {
            let known = all.into_iter().map(|info| info.name).collect();
            return Err(BackupError::Unknown { name: name.into(), environment: environment.into(), known });
        };
        let info = all.swap_remove(at);
        let folder = self.environment(environment)?.join(&info.name);
        let files = self.check(&folder, &info)?;
        let applications = read_applications(&folder, &files, identities)?;
        Ok(Backup { info, folder, applications })
    }

    /// Removes all but the newest `keep` backups of an environment; the removed ones' names.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn thin_out(&self, environment: &str, keep: usize) -> Result<Vec<String>, BackupError> {
        let all = self.list(environment)?;
        let folder = self.environment(environment)?;
        let surplus = all.len().saturating_sub(keep.max(1));
        let mut removed = Vec::new();
        for info in all.into_iter().take(surplus) {
            let path = folder.join(&info.name);
            // First its name: a removal that is cut off must not leave half a backup that looks whole.
            let draft = folder.join(format!("{}{PARTIAL}", info.name));
            fs::rename(&path, &draft).and_then(|()| fs::remove_dir_all(&draft)).map_err(io(&path, "remove"))?;
            removed.push(info.name);
        }
        Ok(removed)
    }

    /// Reads every file of the list and compares; files that are not in the list are damage, too.
    fn check(&self, folder: &Path, info: &BackupInfo) -> Result<BTreeMap<String, Vec<u8>>, BackupError> {
        let damaged = |reason: String| BackupError::Damaged { path: folder.display().to_string(), reason };
        if info.version > BackupInfo::VERSION {
            return Err(damaged(format!("its format {} is newer than this program", info.version)));
        }
        let mut read = BTreeMap::new();
        for (path, sum) in &info.files {
            if !is_plain(path) {
                return Err(damaged(format!("its list names {path:?}")));
            }
            let content = fs::read(folder.join(path)).map_err(|e| damaged(format!("{path}: {e}")))?;
            if digest(&content) != *sum {
                return Err(damaged(format!("{path} does not have its checksum")));
            }
            read.insert(path.clone(), content);
        }
        Ok(read)
    }

    fn environment(&self, environment: &str) -> Result<PathBuf, BackupError> {
        if !is_plain(environment) || environment.contains('/') {
            return Err(BackupError::Key(format!("{environment:?} cannot be the name of a folder")));
        }
        Ok(self.root.join(environment))
    }

    /// Removes what runs that were killed left.
    fn sweep(&self, folder: &Path) -> Result<(), BackupError> {
        let partial = names_with(folder, |name| name.ends_with(PARTIAL))?;
        partial.iter().try_for_each(|name| {
            let path = folder.join(name);
            fs::remove_dir_all(&path).map_err(io(&path, "remove"))
        })
    }
}

/// The files of one Application.
fn application_files(
    application: &BackedUpApplication,
    recipients: &Recipients,
) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
    let folder = format!("applications/{}", application.name);
    let kept = |objects: &[Manifest]| stream(objects.iter().map(without_data));
    let live: Vec<Manifest> = application.live.iter().map(restorable).collect();
    let mut files = vec![
        (format!("{folder}/application.yaml"), yaml::to_string(&application.application).into_bytes()),
        (format!("{folder}/rendered.yaml"), kept(&application.rendered)),
        (format!("{folder}/live.yaml"), kept(&live)),
    ];
    let secrets: Vec<Manifest> = live.into_iter().filter(is_secret).collect();
    if !recipients.is_empty() && !secrets.is_empty() {
        let sealed = recipients.encrypt(&stream(secrets.into_iter()))?;
        files.push((format!("{folder}/secrets.yaml.age"), sealed));
    }
    Ok(files)
}

fn read_applications(
    folder: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    identities: &Identities,
) -> Result<Vec<BackedUpApplication>, BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: folder.display().to_string(), reason };
    let mut applications = Vec::new();
    for path in files.keys() {
        let Some(name) = path.strip_prefix("applications/").and_then(|p| p.strip_suffix("/application.yaml")) else {
            continue;
        };
        let at = |file: &str| files.get(&format!("applications/{name}/{file}")).map_or(&[][..], Vec::as_slice);
        let parse = |file: &str| objects(at(file)).map_err(|e| damaged(format!("{name}/{file}: {e}")));
        let application = objects(at("application.yaml")).map_err(|e| damaged(format!("{path}: {e}")))?;
        let (rendered, mut live) = (parse("rendered.yaml")?, parse("live.yaml")?);
        let sealed = at("secrets.yaml.age");
        if !sealed.is_empty() && !identities.is_empty() {
            let text = identities.decrypt(sealed, MAX_SECRETS)?;
            let secrets = objects(&text).map_err(|e| damaged(format!("{name}/secrets.yaml.age: {e}")))?;
            for object in live.iter_mut().filter(|object| lacks_data(object)) {
                if let Some(whole) = secrets.iter().find(|secret| secret.key() == object.key()) {
                    *object = whole.clone();
                }
            }
        }
        let application = application.into_iter().next().map(Manifest::into_value).unwrap_or(Value::Null);
        applications.push(BackedUpApplication { name: name.to_owned(), application, rendered, live });
    }
    Ok(applications)
}

/// Several documents.
fn stream(objects: impl Iterator<Item = Manifest>) -> Vec<u8> {
    objects.flat_map(|object| format!("---\n{}", yaml::to_string(object.value())).into_bytes()).collect()
}

fn objects(text: &[u8]) -> Result<Vec<Manifest>, String> {
    let text = std::str::from_utf8(text).map_err(|e| e.to_string())?;
    let parsed = yaml::parse(text);
    if let Some(error) = parsed.error {
        return Err(error.to_string());
    }
    let mut objects = Vec::new();
    for document in parsed.documents.iter().filter(|document| !document.is_empty()) {
        let value = document.json().map_err(|e| e.to_string())?;
        objects.push(Manifest::new(value).map_err(|e| e.to_string())?);
    }
    Ok(objects)
}

/// A relative path that stays where it is.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.contains('\\')
}

fn names(folder: &Path) -> Result<Vec<String>, BackupError> {
    names_with(folder, |name| !name.ends_with(PARTIAL))
}

fn names_with(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io(folder, "read"))?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| wanted(name)).collect())
}

/// A folder that only its owner can look into.
fn make_private(folder: &Path) -> Result<(), BackupError> {
    fs::create_dir_all(folder).map_err(io(folder, "make the folder"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(io(folder, "protect the folder"))?;
    }
    Ok(())
}

fn write_file(folder: &Path, path: &str, content: &[u8]) -> Result<(), BackupError> {
    if !is_plain(path) {
        return Err(BackupError::Key(format!("{path:?} cannot be the name of a file in a backup")));
    }
    let full = folder.join(path);
    if let Some(parent) = full.parent() {
        fs::create_dir_all(parent).map_err(io(parent, "make the folder"))?;
    }
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let write = || {
        let mut file = options.open(&full)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(io(&full, "write"))
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> BackupError + use<> {
    let path = path.display().to_string();
    move |error| BackupError::Io { path: path.clone(), action, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;
    use bytes::Bytes;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn contents(second: i64) -> BackupContents {
        let manifest = |value| Manifest::new(value).unwrap();
        let secret =
            manifest(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
            "data": {"k": "cGxhbnRlZA=="}}));
        let map =
            manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"},
            "data": {"a": "yes", "b": "0755"}}));
        BackupContents {
            info: BackupInfo {
                version: BackupInfo::VERSION,
                name: String::new(),
                environment: "production".into(),
                cluster: "embedded".into(),
                revision: "r".into(),
                run: "run".into(),
                verb: "deploy".into(),
                created: Timestamp::from_second(second).unwrap(),
                encrypted: false,
                files: BTreeMap::new(),
            },
            values: vec![("apps/web/values-prod.yaml".into(), Bytes::from_static(b"a: 1\n"))],
            applications: vec![BackedUpApplication {
                name: "web".into(),
                application: json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}}),
                rendered: vec![map.clone(), secret.clone()],
                live: vec![map, secret],
            }],
        }
    }

    fn everything(folder: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                bytes.extend(everything(&entry.path()));
            } else {
                bytes.extend(fs::read(entry.path()).unwrap());
            }
        }
        bytes
    }

    #[test]
    fn without_a_recipient_no_secret_is_kept_and_with_one_only_its_key_opens_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = BackupStore::new(dir.path().join("backups"));
        let plain = store.write(contents(0), &Recipients::default()).unwrap();
        assert!(!String::from_utf8_lossy(&everything(&plain.folder)).contains("cGxhbnRlZA"));
        let read = store.open("production", "latest", &Identities::default()).unwrap();
        assert_eq!(read.applications[0].live[0].value().pointer("/data/b"), Some(&json!("0755")));
        assert!(lacks_data(&read.applications[0].live[1]));

        let key = age::x25519::Identity::generate();
        let recipients = Recipients::parse([key.to_public().to_string().as_str()]).unwrap();
        let sealed = store.write(contents(60), &recipients).unwrap();
        assert!(!String::from_utf8_lossy(&everything(&sealed.folder)).contains("cGxhbnRlZA"));
        let identities = Identities::parse(&format!("# me\n{}\n", key.to_string().expose_secret())).unwrap();
        let read = store.open("production", &sealed.info.name, &identities).unwrap();
        assert_eq!(read.applications[0].live[1].value().pointer("/data/k"), Some(&json!("cGxhbnRlZA==")));
        let other = Identities::parse(age::x25519::Identity::generate().to_string().expose_secret()).unwrap();
        assert!(matches!(store.open("production", "latest", &other), Err(BackupError::Key(_))));
        assert!(!Recipients::parse(["AGE-SECRET-KEY-1XYZ"]).unwrap_err().to_string().contains("XYZ"));
    }

    #[test]
    fn any_change_of_any_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = BackupStore::new(dir.path().to_owned());
        let backup = store.write(contents(0), &Recipients::default()).unwrap();
        for path in backup.info.files.keys() {
            let file = backup.folder.join(path);
            let before = fs::read(&file).unwrap();
            fs::write(&file, [&before[..], b"#"].concat()).unwrap();
            let opened = store.open("production", "latest", &Identities::default());
            assert!(matches!(opened, Err(BackupError::Damaged { .. })), "{path}");
            fs::remove_file(&file).unwrap();
            let opened = store.open("production", "latest", &Identities::default());
            assert!(matches!(opened, Err(BackupError::Damaged { .. })), "{path} is gone");
            fs::write(&file, before).unwrap();
        }
        let index = backup.folder.join(INDEX);
        let text = fs::read_to_string(&index).unwrap().replace("values/apps/web", "values/../../../web");
        fs::write(&index, text).unwrap();
        assert!(matches!(store.open("production", "latest", &Identities::default()), Err(BackupError::Damaged { .. })));
        assert!(store.open("../production", "latest", &Identities::default()).is_err());
    }

    #[test]
    fn half_backups_are_not_seen_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let store = BackupStore::new(dir.path().to_owned());
        for n in 0..5 {
            store.write(contents(n * 60), &Recipients::default()).unwrap();
        }
        let half = dir.path().join("production/x.partial");
        fs::create_dir_all(&half).unwrap();
        assert_eq!(store.list("production").unwrap().len(), 5);
        assert_eq!(store.thin_out("production", 2).unwrap().len(), 3);
        store.write(contents(600), &Recipients::default()).unwrap();
        assert!(!half.exists());
        let left: Vec<i64> = store.list("production").unwrap().iter().map(|b| b.created.as_second()).collect();
        assert_eq!(left, [180, 240, 600]);
        assert!(matches!(store.open("production", "nope", &Identities::default()), Err(BackupError::Unknown { .. })));
    }
}
