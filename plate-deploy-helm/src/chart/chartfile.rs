//! Reading of `Chart.yaml` and `Chart.lock`, with the messages of Go's decoder, and Helm's checks of what they say.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;

use super::{ChartError, Dependency, Lock, Maintainer, Metadata};
use crate::sprig::semver::Version;
use crate::value::quote::{is_print, quote};
use crate::value::yaml::{Typed, UnmarshalError, parse_typed};

impl Metadata {
    /// Reads `Chart.yaml`, or `requirements.yaml` on top of it.
    pub(crate) fn read(&mut self, bytes: &[u8], strict: bool) -> Result<(), UnmarshalError> {
        let document = parse_typed(bytes, strict)?;
        let mut reader = Reader { problem: None, strict };
        reader.metadata(&document, self);
        reader.finish()
    }

    /// Cleans all texts and checks the rules that Helm checks when it loads a chart.
    pub(crate) fn validate(&mut self) -> Result<(), ChartError> {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        self.check().map_err(ChartError::Validation)?;
        for maintainer in &mut self.maintainers {
            if maintainer.is_null {
                let problem = "maintainers must not contain empty or null nodes";
                return Err(ChartError::Validation(problem.into()));
            }
            [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url].into_iter().for_each(sanitize);
        }
        let mut names = HashSet::new();
        for dependency in &mut self.dependencies {
            dependency.validate()?;
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if !names.insert(key.clone()) {
                let key = quote(key.as_bytes());
                return Err(ChartError::Validation(format!("more than one dependency with name or alias {key}")));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.api_version.is_empty() {
            return Err("chart.metadata.apiVersion is required".into());
        }
        let name = quote(self.name.as_bytes());
        match self.name.as_str() {
            "" => return Err("chart.metadata.name is required".into()),
            "." | ".." => return Err(format!("chart.metadata.name {name} is not allowed")),
            text if text.contains('/') => return Err(format!("chart.metadata.name {name} is invalid")),
            _ => {}
        }
        if self.version.is_empty() {
            return Err("chart.metadata.version is required".into());
        }
        if Version::parse(&self.version).is_err() {
            return Err(format!("chart.metadata.version {} is invalid", quote(self.version.as_bytes())));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err("chart.metadata.type must be application or library".into());
        }
        Ok(())
    }
}

impl Dependency {
    fn validate(&mut self) -> Result<(), ChartError> {
        if self.is_null {
            return Err(ChartError::Validation("dependencies must not contain empty or null nodes".into()));
        }
        let texts = [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition];
        texts.into_iter().chain(&mut self.tags).for_each(sanitize);
        if !self.alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            let name = quote(self.name.as_bytes());
            return Err(ChartError::Validation(format!("dependency {name} has disallowed characters in the alias")));
        }
        Ok(())
    }
}

impl Lock {
    /// Reads `Chart.lock` or `requirements.lock`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, UnmarshalError> {
        let document = parse_typed(bytes, false)?;
        let mut reader = Reader { problem: None, strict: false };
        let mut lock = Self::default();
        reader.lock(&document, &mut lock);
        reader.finish()?;
        Ok(lock)
    }
}

/// White space becomes a space, what cannot be printed goes.
fn sanitize(text: &mut String) {
    if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        let clean = |c: char| if c.is_whitespace() { Some(' ') } else { is_print(c).then_some(c) };
        *text = text.chars().filter_map(clean).collect();
    }
}

/// Go's JSON decoder filling structs: it goes on after a mismatch and tells the first one at the end.
struct Reader {
    problem: Option<String>,
    strict: bool,
}

/// Where a value goes, for messages: struct, path of the field, Go type.
#[derive(Clone, Copy)]
struct Target<'a>(&'a str, &'a str, &'a str);

impl Reader {
    fn finish(self) -> Result<(), UnmarshalError> {
        self.problem.map_or(Ok(()), |problem| Err(UnmarshalError::Decode(problem)))
    }

    fn mismatch(&mut self, value: &Typed, Target(strukt, field, go_type): Target<'_>) {
        let got = match value {
            Typed::Null => return,
            Typed::Bool(_) => "bool",
            Typed::Number(..) => "number",
            Typed::String(_) => "string",
            Typed::List(_) => "array",
            Typed::Map(_) => "object",
        };
        self.problem.get_or_insert_with(|| {
            if field.is_empty() {
                format!("json: cannot unmarshal {got} into Go value of type {go_type}")
            } else {
                format!("json: cannot unmarshal {got} into Go struct field {strukt}.{field} of type {go_type}")
            }
        });
    }

    fn unknown(&mut self, key: &str) {
        if self.strict {
            let key = quote(key.as_bytes());
            self.problem.get_or_insert_with(|| format!("json: unknown field {key}"));
        }
    }

    fn object<'t>(&mut self, value: &'t Typed, target: Target<'_>) -> Option<&'t BTreeMap<String, Typed>> {
        match value {
            Typed::Map(map) => Some(map),
            other => {
                self.mismatch(other, target);
                None
            }
        }
    }

    fn string(&mut self, value: &Typed, strukt: &str, field: &str, into: &mut String) {
        match value {
            Typed::Null => {}
            Typed::String(text) | Typed::Number(_, text) => into.clone_from(text),
            Typed::Bool(value) => *into = value.to_string(),
            other => self.mismatch(other, Target(strukt, field, "string")),
        }
    }

    fn bool(&mut self, value: &Typed, strukt: &str, field: &str, into: &mut bool) {
        match value {
            Typed::Bool(value) => *into = *value,
            other => self.mismatch(other, Target(strukt, field, "bool")),
        }
    }

    fn strings(&mut self, value: &Typed, strukt: &str, field: &str, into: &mut Vec<String>) {
        let Some(items) = self.list(value, Target(strukt, field, "[]string")) else { return };
        into.clear();
        for item in items {
            let mut text = String::new();
            self.string(item, strukt, field, &mut text);
            into.push(text);
        }
    }

    fn list<'t>(&mut self, value: &'t Typed, target: Target<'_>) -> Option<&'t [Typed]> {
        match value {
            Typed::List(items) => Some(items),
            other => {
                self.mismatch(other, target);
                None
            }
        }
    }

    fn metadata(&mut self, value: &Typed, md: &mut Metadata) {
        let Some(map) = self.object(value, Target("", "", "v2.Metadata")) else { return };
        for (key, value) in map {
            let lower = key.to_ascii_lowercase();
            let text = match lower.as_str() {
                "name" => Some(("name", &mut md.name)),
                "home" => Some(("home", &mut md.home)),
                "version" => Some(("version", &mut md.version)),
                "description" => Some(("description", &mut md.description)),
                "icon" => Some(("icon", &mut md.icon)),
                "apiversion" => Some(("apiVersion", &mut md.api_version)),
                "condition" => Some(("condition", &mut md.condition)),
                "tags" => Some(("tags", &mut md.tags)),
                "appversion" => Some(("appVersion", &mut md.app_version)),
                "kubeversion" => Some(("kubeVersion", &mut md.kube_version)),
                "type" => Some(("type", &mut md.chart_type)),
                _ => None,
            };
            if let Some((field, into)) = text {
                self.string(value, "Metadata", field, into);
                continue;
            }
            match lower.as_str() {
                "sources" => self.strings(value, "Metadata", "sources", &mut md.sources),
                "keywords" => self.strings(value, "Metadata", "keywords", &mut md.keywords),
                "deprecated" => self.bool(value, "Metadata", "deprecated", &mut md.deprecated),
                "annotations" => self.annotations(value, md),
                "maintainers" => self.maintainers(value, md),
                "dependencies" => self.dependencies(value, "Metadata", &mut md.dependencies),
                _ => self.unknown(key),
            }
        }
    }

    fn annotations(&mut self, value: &Typed, md: &mut Metadata) {
        let Some(map) = self.object(value, Target("Metadata", "annotations", "map[string]string")) else { return };
        let mut annotations = Vec::new();
        for (key, value) in map {
            let mut text = String::new();
            self.string(value, "Metadata", "annotations", &mut text);
            annotations.push((key.clone(), text));
        }
        md.annotations = Some(annotations);
    }

    fn maintainers(&mut self, value: &Typed, md: &mut Metadata) {
        let Some(items) = self.list(value, Target("Metadata", "maintainers", "[]*v2.Maintainer")) else { return };
        md.maintainers = items.iter().map(|item| self.maintainer(item)).collect();
    }

    fn maintainer(&mut self, value: &Typed) -> Maintainer {
        let mut maintainer = Maintainer { is_null: *value == Typed::Null, ..Maintainer::default() };
        let Some(map) = self.object(value, Target("Metadata", "maintainers", "v2.Maintainer")) else {
            return maintainer;
        };
        for (key, value) in map {
            let (field, into) = match key.to_ascii_lowercase().as_str() {
                "name" => ("maintainers.name", &mut maintainer.name),
                "email" => ("maintainers.email", &mut maintainer.email),
                "url" => ("maintainers.url", &mut maintainer.url),
                _ => {
                    self.unknown(key);
                    continue;
                }
            };
            self.string(value, "Maintainer", field, into);
        }
        maintainer
    }

    fn dependencies(&mut self, value: &Typed, strukt: &str, into: &mut Vec<Dependency>) {
        let Some(items) = self.list(value, Target(strukt, "dependencies", "[]*v2.Dependency")) else { return };
        *into = items.iter().map(|item| self.dependency(item, strukt)).collect();
    }

    fn dependency(&mut self, value: &Typed, strukt: &str) -> Dependency {
        let mut dep = Dependency { is_null: *value == Typed::Null, ..Dependency::default() };
        let Some(map) = self.object(value, Target(strukt, "dependencies", "v2.Dependency")) else { return dep };
        for (key, value) in map {
            match key.to_ascii_lowercase().as_str() {
                "name" => self.string(value, "Dependency", "dependencies.name", &mut dep.name),
                "version" => self.string(value, "Dependency", "dependencies.version", &mut dep.version),
                "repository" => self.string(value, "Dependency", "dependencies.repository", &mut dep.repository),
                "condition" => self.string(value, "Dependency", "dependencies.condition", &mut dep.condition),
                "alias" => self.string(value, "Dependency", "dependencies.alias", &mut dep.alias),
                "enabled" => self.bool(value, "Dependency", "dependencies.enabled", &mut dep.enabled),
                "tags" => self.strings(value, "Dependency", "dependencies.tags", &mut dep.tags),
                "import-values" => {
                    let target = Target("Dependency", "dependencies.import-values", "[]interface {}");
                    let items = self.list(value, target).unwrap_or_default();
                    dep.import_values = items.iter().map(json_of).collect();
                }
                _ => self.unknown(key),
            }
        }
        dep
    }

    fn lock(&mut self, value: &Typed, lock: &mut Lock) {
        let Some(map) = self.object(value, Target("", "", "v2.Lock")) else { return };
        for (key, value) in map {
            match key.to_ascii_lowercase().as_str() {
                "generated" => self.time(value, lock),
                "digest" => self.string(value, "Lock", "digest", &mut lock.digest),
                "dependencies" => self.dependencies(value, "Lock", &mut lock.dependencies),
                _ => {}
            }
        }
    }

    fn time(&mut self, value: &Typed, lock: &mut Lock) {
        match value {
            Typed::Null => {}
            Typed::String(text) if text.parse::<jiff::Timestamp>().is_ok() => lock.generated.clone_from(text),
            Typed::String(text) => {
                let shown = quote(text.as_bytes());
                self.problem.get_or_insert_with(|| {
                    format!("parsing time {shown} as \"2006-01-02T15:04:05Z07:00\": cannot parse it")
                });
            }
            _ => {
                let problem = "Time.UnmarshalJSON: input is not a JSON string";
                self.problem.get_or_insert_with(|| problem.to_owned());
            }
        }
    }
}

fn json_of(value: &Typed) -> Json {
    match value {
        Typed::Null => Json::Null,
        Typed::Bool(value) => Json::Bool(*value),
        Typed::Number(n, _) => serde_json::Number::from_f64(*n).map_or(Json::Null, Json::Number),
        Typed::String(text) => Json::String(text.clone()),
        Typed::List(items) => Json::Array(items.iter().map(json_of).collect()),
        Typed::Map(map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), json_of(v))).collect()),
    }
}
