//! Components: what is deployed, by which Applications, from which values, with which images.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::deployment::Deployment;
use super::image::{ImageName, ImageReference, ValueEdit};

/// Something that is deployed to environments. The built-in ones come from [`super::Workspace`]; another tool may bring
/// its own kind.
pub trait Component: Debug + Send + Sync {
    /// Its name, e.g. `plate-server`.
    fn name(&self) -> &str;

    /// Other words for it: the chart's name, its folder.
    fn aliases(&self) -> Vec<&str>;

    /// The environments it is deployed to; empty when it is shared by all.
    fn environments(&self) -> Vec<&str>;

    /// Names of its Applications in an environment; `None`: those that belong to no environment.
    fn applications(&self, environment: Option<&str>) -> Vec<&str>;

    /// The value files that count in an environment, the weakest first, from the root of the repository.
    fn value_files(&self, environment: Option<&str>) -> Vec<&str>;

    /// The images that its values name in an environment.
    fn images(&self, environment: Option<&str>) -> Vec<&ImageReference>;

    /// What to change in Git so that an image becomes another one, in this environment only.
    ///
    /// # Errors
    /// [`ImageEditError`] when it is not clear which image is meant, or when the change would not stay in the environment.
    fn image_edits(&self, environment: Option<&str>, request: &ImageRequest) -> Result<Vec<ValueEdit>, ImageEditError>;
}

/// Which image shall become what: `nginx:1.27`, `:1.27`, or, where there are several, `backend.image=busybox:1.37`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRequest {
    /// Path of the image in the values; `None`: the only one, or the one with the same repository.
    pub path: Option<String>,
    /// The image.
    pub image: ImageName,
}

impl ImageRequest {
    /// Takes `[path=]image` apart.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((path, image)) => Self { path: Some(path.into()), image: ImageName::parse(image) },
            None => Self { path: None, image: ImageName::parse(text) },
        }
    }
}

impl std::fmt::Display for ImageRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}={}", self.image),
            None => write!(f, "{}", self.image),
        }
    }
}

/// Why an image cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageEditError {
    /// The request has neither a tag nor a digest.
    #[error("{component}: the image {image:?} has neither a tag nor a digest; write repository:tag")]
    Incomplete {
        /// The component.
        component: String,
        /// The request.
        image: String,
    },
    /// It is not deployed there.
    #[error("{component} is not deployed to {environment}; it is deployed to: {}", known.join(", "))]
    NotDeployed {
        /// The component.
        component: String,
        /// What was asked for.
        environment: String,
        /// Where it is.
        known: Vec<String>,
    },
    /// Its values name no image, or none that fits.
    #[error("{component}: no image in its values for {environment} fits {image}; {}", list(candidates, files))]
    NotFound {
        /// The component.
        component: String,
        /// The environment.
        environment: String,
        /// The request.
        image: String,
        /// The images there are, with their places.
        candidates: Vec<String>,
        /// The value files that were looked at.
        files: Vec<String>,
    },
    /// Several images fit.
    #[error("{component}: more than one image fits {image} in {environment}: {}; say which: PATH={image}", candidates.join(", "))]
    Ambiguous {
        /// The component.
        component: String,
        /// The environment.
        environment: String,
        /// The request.
        image: String,
        /// The images that fit, with their places.
        candidates: Vec<String>,
    },
    /// The value stands in a file that other environments read, too.
    #[error("{component}: {place} also decides the image of {}; set it in a value file of {environment} alone", others.join(", "))]
    Shared {
        /// The component.
        component: String,
        /// The environment.
        environment: String,
        /// `file:line:column`.
        place: String,
        /// The other environments.
        others: Vec<String>,
    },
    /// The way the image is written has no room for the request.
    #[error("{component}: {image} cannot be set at {place}: {reason}")]
    NoField {
        /// The component.
        component: String,
        /// The request.
        image: String,
        /// The image's path.
        place: String,
        /// Which field is missing.
        reason: String,
    },
}

fn list(candidates: &[String], files: &[String]) -> String {
    if candidates.is_empty() {
        format!("none is named in {}", files.join(", "))
    } else {
        format!("there are: {}", candidates.join(", "))
    }
}

/// A component found in the repository.
#[derive(Clone, Debug, Default)]
pub struct DiscoveredComponent {
    /// See [`Component::name`].
    pub name: String,
    /// See [`Component::aliases`].
    pub aliases: BTreeSet<String>,
    /// One for each of its Applications, in the order of their names.
    pub deployments: Vec<Deployment>,
}

impl DiscoveredComponent {
    /// Its deployments to an environment; `None`: those that belong to none.
    #[must_use]
    pub fn deployments_in(&self, environment: Option<&str>) -> Vec<&Deployment> {
        self.deployments.iter().filter(|deployment| deployment.environment.as_deref() == environment).collect()
    }

    /// The environments in which the same scalar decides.
    fn others_deciding(&self, environment: Option<&str>, edit: &ValueEdit) -> Vec<String> {
        let others = self.deployments.iter().filter(|other| other.environment.as_deref() != environment);
        let affected = others.filter(|other| {
            let mut places = other.images.iter().flat_map(|image| image.parts.values());
            places.any(|place| place.file == edit.file && place.path == edit.path && place.document == edit.document)
        });
        let names: BTreeSet<String> = affected.map(Deployment::environment_name).collect();
        names.into_iter().collect()
    }

    fn choose<'a>(
        &'a self,
        environment: Option<&str>,
        request: &ImageRequest,
    ) -> Result<&'a ImageReference, ImageEditError> {
        let (component, shown) = (self.name.clone(), environment.unwrap_or("all environments").to_owned());
        let images = self.images(environment);
        let describe = |images: &[&ImageReference]| images.iter().map(|image| describe(image)).collect::<Vec<_>>();
        let fitting: Vec<&ImageReference> = match &request.path {
            Some(path) => images.iter().copied().filter(|image| image.path.to_string() == *path).collect(),
            None if images.len() <= 1 || request.image.repository.is_empty() => images.clone(),
            None => by_repository(&images, &request.image.repository),
        };
        match fitting.as_slice() {
            [one] => Ok(one),
            [] => Err(ImageEditError::NotFound {
                component,
                environment: shown,
                image: request.to_string(),
                candidates: describe(&images),
                files: self.value_files(environment).into_iter().map(str::to_owned).collect(),
            }),
            several => Err(ImageEditError::Ambiguous {
                component,
                environment: shown,
                image: request.image.to_string(),
                candidates: describe(several),
            }),
        }
    }
}

/// The images with the same repository, else those with the same last part of it.
fn by_repository<'a>(images: &[&'a ImageReference], repository: &str) -> Vec<&'a ImageReference> {
    let normal = |repository: &str| {
        repository.trim_start_matches("docker.io/").trim_start_matches("library/").to_ascii_lowercase()
    };
    let last = |repository: &str| repository.rsplit('/').next().unwrap_or(repository).to_ascii_lowercase();
    let same = |key: &dyn Fn(&str) -> String| {
        images.iter().copied().filter(|i| key(&i.name().repository) == key(repository)).collect::<Vec<_>>()
    };
    let exact = same(&normal);
    if exact.is_empty() { same(&last) } else { exact }
}

fn describe(image: &ImageReference) -> String {
    let place = image.parts.values().next().map(|place| format!(" at {}", place.location)).unwrap_or_default();
    format!("{} ({}){place}", image.path, image.name())
}

impl Component for DiscoveredComponent {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> Vec<&str> {
        self.aliases.iter().map(String::as_str).collect()
    }

    fn environments(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.deployments.iter().filter_map(|d| d.environment.as_deref()).collect();
        names.into_iter().collect()
    }

    fn applications(&self, environment: Option<&str>) -> Vec<&str> {
        self.deployments_in(environment).into_iter().map(|deployment| deployment.application.as_str()).collect()
    }

    fn value_files(&self, environment: Option<&str>) -> Vec<&str> {
        let mut files = Vec::new();
        for path in self.deployments_in(environment).into_iter().flat_map(Deployment::existing_value_files) {
            if !files.contains(&path) {
                files.push(path);
            }
        }
        files
    }

    fn images(&self, environment: Option<&str>) -> Vec<&ImageReference> {
        self.deployments_in(environment).into_iter().flat_map(|deployment| &deployment.images).collect()
    }

    fn image_edits(&self, environment: Option<&str>, request: &ImageRequest) -> Result<Vec<ValueEdit>, ImageEditError> {
        let component = || self.name.clone();
        if request.image.tag.is_empty() && request.image.digest.is_empty() {
            return Err(ImageEditError::Incomplete { component: component(), image: request.image.to_string() });
        }
        if self.deployments_in(environment).is_empty() {
            return Err(ImageEditError::NotDeployed {
                component: component(),
                environment: environment.unwrap_or("all environments").into(),
                known: self.deployments.iter().map(Deployment::environment_name).collect(),
            });
        }
        let image = self.choose(environment, request)?;
        let edits = image.edits(&request.image).map_err(|reason| ImageEditError::NoField {
            component: component(),
            image: request.image.to_string(),
            place: describe(image),
            reason,
        })?;
        for edit in &edits {
            let others = self.others_deciding(environment, edit);
            if !others.is_empty() {
                let place = image.parts.values().find(|p| p.path == edit.path).map(|p| p.location.to_string());
                return Err(ImageEditError::Shared {
                    component: component(),
                    environment: environment.unwrap_or("all environments").into(),
                    place: place.unwrap_or_else(|| edit.file.clone()),
                    others,
                });
            }
        }
        Ok(edits)
    }
}
