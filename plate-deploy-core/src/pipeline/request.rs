//! What a caller asks of a deploy.

use std::time::Duration;

/// Which libraries a deploy touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Libraries {
    /// Libraries first, then the Applications.
    #[default]
    Include,
    /// Only the Applications.
    Skip,
    /// Only the libraries.
    Only,
}

/// A wish to set a component's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// Component, as the workspace names it.
    pub component: String,
    /// `repository:tag`, `repository@digest`, or `:tag` to keep the repository.
    pub image: String,
}

impl ImageChange {
    /// From `component=image:tag`.
    ///
    /// # Errors
    /// A text that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((component, image)) if !component.is_empty() && !image.is_empty() => {
                Ok(Self { component: component.into(), image: image.into() })
            }
            _ => Err(format!(
                "{text:?} is not COMPONENT=IMAGE:TAG, e.g. plate-server=registry.example.com/plate-server:1.2.3"
            )),
        }
    }
}

/// One deploy.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// Environment, by name or alias.
    pub environment: String,
    /// Images to set, as one commit.
    pub images: Vec<ImageChange>,
    /// Which libraries.
    pub libraries: Libraries,
    /// Stop after the plan; write nothing anywhere.
    pub dry_run: bool,
    /// How long to wait for health, for the libraries and for the Applications each. Default: 10 minutes.
    pub timeout: Duration,
    /// Who the commit is by.
    pub author: Author,
}

/// Author of the commits a deploy makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "plate-deploy".into(), email: "plate-deploy@localhost".into() }
    }
}

impl DeployRequest {
    /// A deploy of everything in an environment, as it is in Git.
    pub fn new(environment: impl Into<String>) -> Self {
        Self {
            environment: environment.into(),
            images: Vec::new(),
            libraries: Libraries::default(),
            dry_run: false,
            timeout: Duration::from_secs(600),
            author: Author::default(),
        }
    }

    /// With an image change.
    #[must_use]
    pub fn image(mut self, component: impl Into<String>, image: impl Into<String>) -> Self {
        self.images.push(ImageChange { component: component.into(), image: image.into() });
        self
    }

    /// With this choice of libraries.
    #[must_use]
    pub fn libraries(mut self, libraries: Libraries) -> Self {
        self.libraries = libraries;
        self
    }

    /// As a dry run, or not.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// With another longest wait.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
