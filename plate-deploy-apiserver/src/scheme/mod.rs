//! Schemas of the built-in kinds of Kubernetes 1.37: which resources there are, their fields, reading and writing
//! objects as the API does, defaulting, and strategic merge.
//!
//! Lowest layer of the crate: it knows nothing of storage or HTTP, and is usable on its own (diffs need it too).

mod codec;
mod data;
pub mod defaults;
mod json;
mod kinds;
mod protobuf;
mod quantity;
mod strategic;
mod types;

use serde_json::Value;

pub use codec::{DecodeError, base64, decode, format_time, zero};
pub use json::{parse_json, parse_yaml};
pub use kinds::{Gvk, ResourceInfo, SubresourceInfo, api_version, builtin_kind, builtin_resources};
pub use protobuf::parse_protobuf;
pub use quantity::{Quantity, QuantityError};
pub use strategic::{StrategicError, strategic_merge, strategic_merge_typed, three_way_patch};
pub use types::{Field, ListKind, ListType, MapType, PatchRule, Scalar, StructDef, StructRef, Type};

/// A built-in kind's schema, for looking up the type at a path.
#[derive(Clone, Debug)]
pub struct Schema {
    root: Type,
}

impl Schema {
    /// The schema of a built-in kind; `None` for custom resources.
    #[must_use]
    pub fn of(gvk: &Gvk) -> Option<Schema> {
        builtin_kind(gvk).map(|r| Schema { root: r.ty.clone() })
    }

    /// The root type.
    #[must_use]
    pub fn root(&self) -> &Type {
        &self.root
    }

    /// The type at a path of field names; list items are the segment `[]`.
    #[must_use]
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<Type> {
        path.into_iter().try_fold(self.root.clone(), |ty, seg| ty.child((seg != "[]").then_some(seg)))
    }
}

/// The group, version and kind an object names.
#[must_use]
pub fn gvk_of(object: &Value) -> Option<Gvk> {
    let api_version = object.get("apiVersion")?.as_str()?;
    let kind = object.get("kind")?.as_str()?;
    Some(Gvk::from_api_version(api_version, kind))
}

/// Reads an object of a built-in kind as the API server would and fills in defaults; other kinds stay as they are.
///
/// # Errors
/// When a field has the wrong JSON type.
pub fn normalize(object: &mut Value) -> Result<(), DecodeError> {
    let Some(info) = gvk_of(object).and_then(|gvk| builtin_kind(&gvk)) else { return Ok(()) };
    let Type::Struct(ty) = &info.ty else { return Ok(()) };
    *object = decode(std::mem::take(object), ty, &mut Vec::new())?;
    defaults::apply(object);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_that_is_named_exists() {
        fn check(ty: &Type, at: &str) {
            match ty {
                Type::Struct(StructRef::Builtin(name)) => assert!(data::struct_def(name).is_some(), "{at}: {name}"),
                Type::List(l) => check(&l.elem, at),
                Type::Map(m) => check(&m.elem, at),
                _ => {}
            }
        }
        assert!(data::struct_names().count() > 500);
        for name in data::struct_names() {
            let def = data::struct_def(name).unwrap();
            def.fields.iter().for_each(|f| check(&f.ty, &format!("{name}.{}", f.name)));
        }
        let gvks: Vec<_> = builtin_resources().iter().map(|r| r.gvk()).collect();
        assert!(gvks.contains(&Gvk::new("apps", "v1", "Deployment")));
        assert!(builtin_resources().iter().all(|r| matches!(&r.ty, Type::Struct(_))));
    }

    #[test]
    fn schema_paths() {
        let schema = Schema::of(&Gvk::new("apps", "v1", "Deployment")).unwrap();
        let Some(Type::List(containers)) = schema.at(["spec", "template", "spec", "containers"]) else { panic!() };
        assert_eq!(containers.kind, ListKind::Map(vec!["name".into()]));
        assert!(schema.at(["spec", "template", "spec", "containers", "[]", "image"]).is_some());
        assert!(schema.at(["spec", "nope"]).is_none());
    }

    #[test]
    fn typed_round_trip_matches_go() {
        let mut d = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "labels": {}}, "spec": {
            "selector": {"matchLabels": {"a": "b"}}, "bogus": 1,
            "template": {"metadata": {"labels": {"a": "b"}, "creationTimestamp": null}, "spec": {"nodeSelector": {}, "containers": [
                {"name": "c", "image": "nginx", "resources": {"limits": {"cpu": "1000m", "memory": 1048576}},
                 "env": [{"name": "A", "value": ""}], "ports": [{"containerPort": 80}]}]}}}});
        normalize(&mut d).unwrap();
        assert_eq!(
            d["spec"]["template"]["spec"]["containers"],
            json!([{
            "name": "c", "image": "nginx", "resources": {"limits": {"cpu": "1", "memory": "1048576"}}, "env": [{"name": "A"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}], "imagePullPolicy": "Always",
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}])
        );
        assert_eq!(d["metadata"], json!({"name": "a"}));
        assert_eq!(d["spec"]["template"]["metadata"], json!({"labels": {"a": "b"}}));
        assert!(d["spec"].get("bogus").is_none());
        assert_eq!(
            d["spec"]["strategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
        );
        assert_eq!(d["status"], json!({}));
    }

    #[test]
    fn wrong_types_speak_go() {
        let decode_dep = |v: Value| {
            decode(v, &StructRef::Builtin("apps/v1.Deployment".into()), &mut Vec::new()).unwrap_err().to_string()
        };
        assert_eq!(
            decode_dep(json!({"spec": {"replicas": "3"}})),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            decode_dep(json!({"spec": {"template": {"spec": {"containers": {}}}}})),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
        );
    }

    #[test]
    fn duplicates_are_reported() {
        let mut dup = Vec::new();
        let v = parse_json(br#"{"a":{"b":1,"b":2},"l":[{"x":1,"x":1}]}"#, &mut dup).unwrap();
        assert_eq!(v["a"]["b"], json!(2));
        assert_eq!(dup, ["duplicate field \"a.b\"", "duplicate field \"l[0].x\""]);
        assert!(parse_json("[".repeat(100_000).as_bytes(), &mut dup).is_err());
    }
}
