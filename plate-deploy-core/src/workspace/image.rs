//! Image references in values: where a repository, a tag or a digest stands, and the edits that put another one there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::diagnostic::Location;
use crate::model::{FieldPath, FieldStep};

/// A scalar in a file that holds a part of an image reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, from the root of the repository.
    pub file: String,
    /// The scalar's path in its document.
    pub path: FieldPath,
    /// Which document of the file, from 0.
    pub document: usize,
    /// Where it stands.
    pub location: Location,
    /// What it holds.
    pub value: String,
}

/// One scalar to change in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueEdit {
    /// The file, from the root of the repository.
    pub file: String,
    /// Which document of the file, from 0.
    pub document: usize,
    /// The scalar's path.
    pub path: FieldPath,
    /// What it holds now.
    pub old: String,
    /// What it shall hold.
    pub new: String,
}

/// A part of an image reference: the key that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImagePart {
    /// `image: registry/repository:tag`; then there are no other parts.
    Whole,
    /// `registry`.
    Registry,
    /// `repository` (or `name`).
    Repository,
    /// `tag`.
    Tag,
    /// `digest`.
    Digest,
}

/// An image that a component's values name, as it holds in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageReference {
    /// Its path in the values: `image`, `plate-server.image`, `backend.image`.
    pub path: FieldPath,
    /// Its parts, each where it is set last.
    pub parts: BTreeMap<ImagePart, Place>,
}

/// An image name taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageName {
    /// `registry/repository`; `""` when only a tag was given (`:1.2`).
    pub repository: String,
    /// Tag; `""` when there is none.
    pub tag: String,
    /// Digest (`sha256:…`); `""` when there is none.
    pub digest: String,
}

impl ImageName {
    /// `repository[:tag][@digest]`; the repository may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (rest, digest) = text.split_once('@').unwrap_or((text, ""));
        // The last colon is the tag's, unless a slash follows: then it is the registry's port.
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (rest, ""),
        };
        Self { repository: repository.into(), tag: tag.into(), digest: digest.into() }
    }

    fn is_plausible(&self) -> bool {
        let good = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:+".contains(c));
        !self.repository.is_empty() && good(&self.repository) && good(&self.tag) && good(&self.digest)
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repository)?;
        if !self.tag.is_empty() {
            write!(f, ":{}", self.tag)?;
        }
        if self.digest.is_empty() { Ok(()) } else { write!(f, "@{}", self.digest) }
    }
}

impl ImageReference {
    fn part(&self, part: ImagePart) -> &str {
        self.parts.get(&part).map_or("", |place| place.value.as_str())
    }

    /// The image as it holds now.
    #[must_use]
    pub fn name(&self) -> ImageName {
        if let Some(whole) = self.parts.get(&ImagePart::Whole) {
            return ImageName::parse(&whole.value);
        }
        let (registry, repository) = (self.part(ImagePart::Registry), self.part(ImagePart::Repository));
        ImageName {
            repository: if registry.is_empty() { repository.to_owned() } else { format!("{registry}/{repository}") },
            tag: self.part(ImagePart::Tag).to_owned(),
            digest: self.part(ImagePart::Digest).to_owned(),
        }
    }

    /// The scalars to change so that it becomes `wanted`; an empty repository in `wanted` keeps the present one.
    ///
    /// # Errors
    /// The sentence that says which field is missing.
    pub(super) fn edits(&self, wanted: &ImageName) -> Result<Vec<ValueEdit>, String> {
        let now = self.name();
        let repository = if wanted.repository.is_empty() { &now.repository } else { &wanted.repository };
        let mut new: Vec<(ImagePart, String)> = Vec::new();
        if self.parts.contains_key(&ImagePart::Whole) {
            let image = ImageName { repository: repository.clone(), ..wanted.clone() };
            new.push((ImagePart::Whole, image.to_string()));
        } else {
            if *repository != now.repository {
                new.extend(self.split_registry(repository)?);
            }
            if !wanted.tag.is_empty() {
                new.push((ImagePart::Tag, wanted.tag.clone()));
            }
            // A digest that stays would win over the new tag.
            if !wanted.digest.is_empty() || self.parts.contains_key(&ImagePart::Digest) {
                new.push((ImagePart::Digest, wanted.digest.clone()));
            }
        }
        let mut edits = Vec::new();
        for (part, new) in new {
            let place = self.parts.get(&part).ok_or_else(|| format!("there is no field for the {}", part.word()))?;
            if place.value != new {
                let Place { file, document, path, value, .. } = place.clone();
                edits.push(ValueEdit { file, document, path, old: value, new });
            }
        }
        Ok(edits)
    }

    /// A full repository as the fields `registry` and `repository` hold it.
    fn split_registry(&self, repository: &str) -> Result<Vec<(ImagePart, String)>, String> {
        let registry = self.part(ImagePart::Registry);
        if registry.is_empty() {
            return Ok(vec![(ImagePart::Repository, repository.to_owned())]);
        }
        if let Some(rest) = repository.strip_prefix(registry).and_then(|rest| rest.strip_prefix('/')) {
            return Ok(vec![(ImagePart::Repository, rest.to_owned())]);
        }
        match repository.split_once('/') {
            Some((host, rest)) => {
                Ok(vec![(ImagePart::Registry, host.to_owned()), (ImagePart::Repository, rest.to_owned())])
            }
            None => Err("the values have a field for the registry, but the image names none".into()),
        }
    }
}

impl ImagePart {
    fn word(self) -> &'static str {
        match self {
            Self::Whole => "image",
            Self::Registry => "registry",
            Self::Repository => "repository",
            Self::Tag => "tag",
            Self::Digest => "digest",
        }
    }
}

/// A scalar found by [`scan`], still without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The image's path.
    pub(super) image: FieldPath,
    /// Which part of it.
    pub(super) part: ImagePart,
    /// The scalar's path.
    pub(super) path: FieldPath,
    /// Its text.
    pub(super) value: String,
}

/// The part that a key of an image mapping means.
pub(super) fn part_of(key: &str) -> Option<ImagePart> {
    Some(match key {
        "registry" => ImagePart::Registry,
        "repository" | "name" => ImagePart::Repository,
        "tag" => ImagePart::Tag,
        "digest" | "sha" => ImagePart::Digest,
        _ => return None,
    })
}

/// Whether a key names an image: `image`, `sidecarImage`.
pub(super) fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key.ends_with("_image") || key.ends_with("-image")
}

/// Every part of an image reference in a values document.
pub(super) fn scan(values: &Value) -> Vec<Found> {
    let mut found = Vec::new();
    let mut todo = vec![(FieldPath::root(), values)];
    while let Some((path, value)) = todo.pop() {
        match value {
            Value::Object(map) => {
                let named = is_image_key(path.last_key());
                let has = |key: &str| map.get(key).is_some_and(|v| !v.is_object() && !v.is_array());
                if has("repository") && (has("tag") || has("digest") || named) || named && (has("tag") || has("name")) {
                    for (key, value) in map {
                        let text = scalar_text(value);
                        if let Some((part, value)) = part_of(key).zip(text).filter(|(part, _)| {
                            // `name` is the repository only where nothing else is.
                            *part != ImagePart::Repository || key == "repository" || !map.contains_key("repository")
                        }) {
                            found.push(Found { image: path.clone(), part, path: path.key(key), value });
                        }
                    }
                }
                for (key, value) in map {
                    let at = path.key(key);
                    match value {
                        Value::String(text) if is_image_key(key) && ImageName::parse(text).is_plausible() => {
                            found.push(Found {
                                image: at.clone(),
                                part: ImagePart::Whole,
                                path: at,
                                value: text.clone(),
                            });
                        }
                        value => todo.push((at, value)),
                    }
                }
            }
            Value::Array(items) => todo.extend(items.iter().enumerate().map(|(i, item)| (path.index(i), item))),
            _ => {}
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    }
}

/// A dotted path as `--set` and `helm.parameters` write it: `backend.image.tag`, `images[0].tag`, `a\.b.c`.
pub(super) fn parse_dotted(text: &str) -> FieldPath {
    let mut path = FieldPath::root();
    let (mut key, mut escaped) = (String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '.' if !escaped => {
                if !key.is_empty() {
                    path = path.key(&std::mem::take(&mut key));
                }
            }
            '[' if !escaped => {
                if !key.is_empty() {
                    path = path.key(&std::mem::take(&mut key));
                }
                let digits: String = std::iter::from_fn(|| chars.next_if(|c| *c != ']')).collect();
                chars.next();
                match digits.parse() {
                    Ok(index) => path = path.index(index),
                    Err(_) => key.push_str(&digits),
                }
            }
            c => key.push(c),
        }
        escaped = false;
    }
    if key.is_empty() { path } else { path.key(&key) }
}

/// `path` without its last step.
pub(super) fn parent(path: &FieldPath) -> FieldPath {
    let steps = path.steps();
    steps[..steps.len().saturating_sub(1)].iter().fold(FieldPath::root(), |at, step| match step {
        FieldStep::Key(key) => at.key(key),
        FieldStep::Index(index) => at.index(*index),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ImageName, parse_dotted, scan};

    #[test]
    fn image_names() {
        let name = |repository: &str, tag: &str, digest: &str| ImageName {
            repository: repository.into(),
            tag: tag.into(),
            digest: digest.into(),
        };
        assert_eq!(ImageName::parse("nginx:1.25"), name("nginx", "1.25", ""));
        assert_eq!(ImageName::parse("h:5000/a/b"), name("h:5000/a/b", "", ""));
        assert_eq!(ImageName::parse("h:5000/a:1@sha256:x"), name("h:5000/a", "1", "sha256:x"));
        assert_eq!(ImageName::parse(":1.2"), name("", "1.2", ""));
        assert_eq!(ImageName::parse("h:5000/a:1@sha256:x").to_string(), "h:5000/a:1@sha256:x");
    }

    #[test]
    fn finds_images_of_every_form() {
        let values = json!({
            "image": {"repository": "nginx", "tag": 1.25, "pullPolicy": "Always"},
            "backend": {"image": {"name": "busybox", "tag": "1"}},
            "job": {"image": "h/x:1", "initImage": "not an image"},
            "list": [{"image": "a:b"}],
            "git": {"repository": "https://example.com/x"},
            "secret": {"name": "x"},
        });
        let found: Vec<String> = scan(&values).iter().map(|f| format!("{} {:?} {}", f.path, f.part, f.value)).collect();
        assert_eq!(
            found,
            [
                "backend.image.name Repository busybox",
                "backend.image.tag Tag 1",
                "image.repository Repository nginx",
                "image.tag Tag 1.25",
                "job.image Whole h/x:1",
                "list[0].image Whole a:b",
            ]
        );
    }

    #[test]
    fn dotted_paths() {
        assert_eq!(parse_dotted("a.b[0].c").to_string(), "a.b[0].c");
        assert_eq!(parse_dotted(r"a\.b.c").steps().len(), 2);
    }
}
