//! `.Capabilities`: Go structs with methods.

use std::any::Any;
use std::rc::Rc;

use crate::chart::{Capabilities, KubeVersion};
use crate::helm_version::HelmVersion;
use crate::value::{FuncError, List, ListKind, Map, Object, Value};

/// Helm's `*common.Capabilities`.
pub(super) struct CapabilitiesObject {
    kube_version: Rc<KubeVersionObject>,
    api_versions: Rc<VersionSet>,
    helm_version: Rc<BuildInfo>,
}

impl CapabilitiesObject {
    pub(super) fn new(capabilities: &Capabilities, helm: HelmVersion) -> Self {
        let helm_version = match helm {
            HelmVersion::V3 => "v3.22.0",
            HelmVersion::V4 => "v4.3.1",
        };
        Self {
            kube_version: Rc::new(KubeVersionObject(capabilities.kube_version.clone())),
            api_versions: Rc::new(VersionSet(capabilities.api_versions.clone())),
            helm_version: Rc::new(BuildInfo { version: helm_version }),
        }
    }
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> &str {
        "*common.Capabilities"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Rc::clone(&self.kube_version) as Rc<dyn Object>),
            "APIVersions" => Value::Object(Rc::clone(&self.api_versions) as Rc<dyn Object>),
            "HelmVersion" => Value::Object(Rc::clone(&self.helm_version) as Rc<dyn Object>),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        let (kube, apis, helm) = (&self.kube_version, &self.api_versions, &self.helm_version);
        format!("&{{{} {} {}}}", kube.print(), apis.print(), helm.print())
    }

    fn to_json(&self) -> Option<Value> {
        let fields = ["KubeVersion", "APIVersions", "HelmVersion"];
        let entries = fields.into_iter().map(|name| match self.field(name) {
            Some(Value::Object(object)) => (name, object.to_json().unwrap_or_default()),
            _ => (name, Value::Nil),
        });
        Some(entries.collect::<Map>().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Helm's `common.KubeVersion`.
struct KubeVersionObject(KubeVersion);

impl Object for KubeVersionObject {
    fn type_name(&self) -> &str {
        "common.KubeVersion"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let KubeVersion { version, major, minor, .. } = &self.0;
        match name {
            "Version" => Some(Value::str(version.as_str())),
            "Major" => Some(Value::str(major.as_str())),
            "Minor" => Some(Value::str(minor.as_str())),
            _ => None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        let result = match name {
            "String" => Value::from(self.print_addressed()),
            "GitVersion" => Value::str(self.0.version.as_str()),
            _ => return None,
        };
        Some(no_args(args).map(|()| result))
    }

    fn print(&self) -> String {
        let KubeVersion { version, normalized, major, minor } = &self.0;
        format!("{{{version} {normalized} {major} {minor}}}")
    }

    fn print_addressed(&self) -> String {
        if self.0.normalized.is_empty() { self.0.version.clone() } else { self.0.normalized.clone() }
    }

    fn to_json(&self) -> Option<Value> {
        Some(
            ["Version", "Major", "Minor"]
                .map(|name| (name, self.field(name).unwrap_or_default()))
                .into_iter()
                .collect::<Map>()
                .into(),
        )
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Helm's `common.VersionSet`.
struct VersionSet(Vec<String>);

impl Object for VersionSet {
    fn type_name(&self) -> &str {
        "common.VersionSet"
    }

    fn kind_name(&self) -> &'static str {
        "slice"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        if name != "Has" {
            return None;
        }
        Some(match args {
            [Value::Str(wanted)] => {
                Ok(Value::Bool(self.0.iter().any(|version| version.as_bytes() == wanted.as_bytes())))
            }
            [other] => {
                Err(FuncError::WrongType { expected: "string", got: crate::value::kind::type_name(other).into_owned() })
            }
            _ => Err(FuncError::ArgCount { want: "1".into(), got: args.len() }),
        })
    }

    fn as_list(&self) -> Option<List> {
        Some(List::new(self.0.iter().map(|version| Value::str(version.as_str())).collect(), ListKind::String))
    }

    fn truth(&self) -> bool {
        !self.0.is_empty()
    }

    fn print(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }

    fn to_json(&self) -> Option<Value> {
        self.as_list().map(Value::List)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Helm's `version.BuildInfo`: what this crate stands in for.
struct BuildInfo {
    version: &'static str,
}

impl Object for BuildInfo {
    fn type_name(&self) -> &str {
        "version.BuildInfo"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Version" => Some(Value::str(self.version)),
            "GitTreeState" => Some(Value::str("clean")),
            "KubeClientVersion" => Some(Value::str("v1.37")),
            "GitCommit" | "GoVersion" => Some(Value::str("")),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{}  clean  v1.37}}", self.version)
    }

    fn to_json(&self) -> Option<Value> {
        let fields = [("version", self.version), ("git_tree_state", "clean"), ("kube_client_version", "v1.37")];
        Some(fields.map(|(name, text)| (name, Value::str(text))).into_iter().collect::<Map>().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn no_args(args: &[Value]) -> Result<(), FuncError> {
    if args.is_empty() { Ok(()) } else { Err(FuncError::ArgCount { want: "0".into(), got: args.len() }) }
}
