//! Random objects: the kinds of `fixtures/api_diff/kinds.yaml` with good, bad and odd values in random places.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rng::Rng;

const KINDS: &str = include_str!("../../fixtures/api_diff/kinds.yaml");

type Places = BTreeMap<String, Vec<Value>>;

/// A kind to send objects of.
#[derive(Clone, Debug, Deserialize)]
pub struct Kind {
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    pub path: String,
    /// Plural name.
    pub plural: String,
    /// Objects live in no namespace.
    #[serde(default)]
    pub cluster: bool,
    /// A custom resource.
    #[serde(default)]
    pub custom: bool,
    /// The scale subresource is served.
    #[serde(default)]
    pub scale: bool,
    /// Pointer to a pod spec.
    #[serde(default)]
    pub pods: Option<String>,
    /// How often it is chosen.
    #[serde(default = "two")]
    pub weight: usize,
    /// Names, where not any will do.
    #[serde(default)]
    pub names: Vec<String>,
    /// An object that is accepted.
    pub base: Value,
    /// Values for places.
    pub values: Places,
}

fn two() -> usize {
    2
}

#[derive(Debug, Deserialize)]
struct Pods {
    base: Value,
    values: Places,
}

/// The kinds and the definitions of the custom ones.
#[derive(Debug, Deserialize)]
pub struct Kinds {
    pod: Pods,
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// CustomResourceDefinitions.
    pub definitions: Vec<Value>,
}

impl Kinds {
    /// The kinds of the fixture.
    ///
    /// # Errors
    /// When it is no valid fixture.
    pub fn load() -> Result<Self> {
        let mut value: serde_yaml::Value = serde_yaml::from_str(KINDS)?;
        value.apply_merge()?;
        let mut kinds: Self = serde_yaml::from_value(value)?;
        for kind in &mut kinds.kinds {
            let Some(at) = kind.pods.clone() else { continue };
            for (key, value) in kinds.pod.base.as_object().context("pod.base is no object")? {
                if kind.base.pointer(&format!("{at}/{key}")).is_none() {
                    set(&mut kind.base, &format!("{at}/{key}"), value.clone());
                }
            }
            let inner = kinds.pod.values.iter().map(|(place, values)| (format!("{at}{place}"), values.clone()));
            kind.values.extend(inner);
        }
        Ok(kinds)
    }

    /// One of the kinds, by weight.
    pub fn pick<'a>(&'a self, rng: &mut Rng) -> Option<&'a Kind> {
        let mut n = rng.below(self.kinds.iter().map(|k| k.weight).sum());
        self.kinds.iter().find(|kind| {
            let here = n < kind.weight;
            n = n.saturating_sub(kind.weight);
            here
        })
    }
}

impl Kind {
    /// A place and a value for it.
    pub fn change<'a>(&'a self, rng: &mut Rng) -> Option<(&'a str, &'a Value)> {
        let place = self.values.keys().nth(rng.below(self.values.len()))?;
        Some((place, rng.pick(self.values.get(place)?)?))
    }

    /// A random object of that name.
    pub fn object(&self, rng: &mut Rng, name: &str, lane: &str) -> Value {
        let mut object = self.base.clone();
        object["metadata"] = json!({"name": name, "labels": {"lane": lane, "app": rng.word(&["x", "y"])}});
        let changes = [0, 1, 1, 1, 2, 3].get(rng.below(6)).copied().unwrap_or(0);
        for _ in 0..changes {
            self.mutate(&mut object, rng);
        }
        object
    }

    /// Changes one place of an object.
    pub fn mutate(&self, object: &mut Value, rng: &mut Rng) {
        match rng.below(100) {
            0..82 => {
                if let Some((place, value)) = self.change(rng) {
                    set(object, place, value.clone());
                }
            }
            82..93 => {
                let (place, value) = metadata_change(rng);
                set(object, place, value);
            }
            _ => odd(object, rng),
        }
    }
}

/// A change of metadata.
pub fn metadata_change(rng: &mut Rng) -> (&'static str, Value) {
    let owner =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "11111111-2222-3333-4444-555555555555"});
    let mut controller = owner.clone();
    controller["controller"] = true.into();
    let changes = [
        ("/metadata/labels/more", json!("label")),
        ("/metadata/labels/more", json!("bad label!")),
        ("/metadata/labels/bad key!", json!("x")),
        ("/metadata/annotations/a.example.com~1b", json!("any words")),
        ("/metadata/annotations/a", json!(5)),
        ("/metadata/annotations/bad key!", json!("x")),
        ("/metadata/finalizers", json!(["example.com/hold"])),
        ("/metadata/finalizers", json!(["hold"])),
        ("/metadata/finalizers", json!([])),
        ("/metadata/ownerReferences", json!([owner])),
        ("/metadata/ownerReferences", json!([controller, controller])),
        ("/metadata/ownerReferences", json!([{"kind": "x"}])),
        ("/metadata/generation", json!(7)),
        ("/metadata/creationTimestamp", json!("2020-01-01T00:00:00Z")),
        ("/metadata/deletionTimestamp", json!("2020-01-01T00:00:00Z")),
        ("/metadata/uid", json!("11111111-2222-3333-4444-555555555555")),
        ("/metadata/selfLink", json!("/x")),
        ("/metadata/managedFields", json!([])),
        ("/metadata/labels", Value::Null),
        ("/metadata/unknown", json!(1)),
    ];
    rng.pick(&changes).cloned().unwrap_or_default()
}

/// Puts an odd value into a random place, or removes what is there.
fn odd(object: &mut Value, rng: &mut Rng) {
    let mut places = Vec::new();
    pointers(object, &mut String::new(), &mut places);
    places.retain(|p| p.len() > 1 && !p.starts_with("/metadata"));
    let Some(place) = rng.pick(&places).cloned() else { return };
    if rng.chance(40) {
        remove(object, &place);
    } else {
        set(object, &place, rng.odd_value());
    }
}

fn pointers(value: &Value, at: &mut String, out: &mut Vec<String>) {
    out.push(at.clone());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (escape(k), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let mark = at.len();
        at.push('/');
        at.push_str(&key);
        pointers(child, at, out);
        at.truncate(mark);
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// Sets the value at a JSON pointer, making objects on the way; the index behind a list's end appends.
pub fn set(target: &mut Value, pointer: &str, value: Value) {
    let mut at = target;
    for part in pointer.split('/').skip(1).map(unescape) {
        let index = part.parse::<usize>().ok();
        if let (Value::Array(items), Some(i)) = (&mut *at, index) {
            if i >= items.len() {
                items.push(Value::Null);
            }
        } else if !at.is_object() && !at.is_array() {
            *at = json!({});
        }
        at = match at {
            Value::Array(items) => match items.get_mut(index.unwrap_or(0)) {
                Some(item) => item,
                None => return,
            },
            other => &mut other[part],
        };
    }
    *at = value;
}

/// Removes what is at a JSON pointer.
pub fn remove(target: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.remove(&unescape(key));
        }
        Some(Value::Array(items)) => {
            if let Some(i) = key.parse::<usize>().ok().filter(|i| *i < items.len()) {
                items.remove(i);
            }
        }
        _ => {}
    }
}

/// A merge patch that sets one place: list indexes become lists with the base's item, named by its merge key.
#[must_use]
pub fn patch(base: &Value, pointer: &str, value: &Value) -> Value {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return value.clone() };
    let inner = match key.parse::<usize>() {
        Ok(_) => {
            let mut item = value.clone();
            let name = base.pointer(pointer).and_then(|i| i.get("name"));
            if let (Some(name), Value::Object(map)) = (name, &mut item) {
                map.entry("name").or_insert_with(|| name.clone());
            }
            json!([item])
        }
        Err(_) => json!({unescape(key): value}),
    };
    patch(base, parent, &inner)
}
