//! Every object that the corpus' charts render, applied to and created on both servers.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Pair, Report, Wire};

/// Namespace of objects that name none.
const NAMESPACE: &str = "corpus";
/// Objects that go to the servers at the same time.
const LANES: usize = 6;
/// One in so many objects is created with POST, too.
const CREATE_EVERY: usize = 6;

/// The different objects of all cases that succeed, CustomResourceDefinitions first.
///
/// # Errors
/// When the corpus cannot be read.
pub fn objects(corpus: &Path) -> Result<Vec<Value>> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    let cases = std::fs::read_to_string(corpus.join("cases.jsonl"))?;
    for case in cases.lines().map(serde_json::from_str::<Value>) {
        let case = case?;
        let Some(file) = case.pointer("/expect/stdout").and_then(Value::as_str) else { continue };
        let text = read(&corpus.join(file)).with_context(|| file.to_owned())?;
        for document in text.split("\n---\n") {
            for object in parse(document) {
                if seen.insert(object.to_string()) {
                    out.push(object);
                }
            }
        }
    }
    out.sort_by_key(|o| o["kind"] != "CustomResourceDefinition");
    Ok(out)
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path)?;
    if path.extension().is_none_or(|e| e != "gz") {
        return Ok(String::from_utf8(bytes)?);
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
    Ok(text)
}

/// The objects of a text; of lists, their items. Texts that are no YAML (Helm prints what templates give) have none.
fn parse(text: &str) -> Vec<Value> {
    let mut out = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let Ok(value) = Value::deserialize(document) else { return out };
        match value.get("items").and_then(Value::as_array) {
            Some(items) if value["kind"].as_str().is_some_and(|k| k.ends_with("List")) => out.extend(items.clone()),
            _ => out.push(value),
        }
    }
    out.retain(|o| o["apiVersion"].is_string() && o["kind"].is_string() && o["metadata"].is_object());
    out
}

/// Resources by apiVersion and kind.
type Paths = HashMap<(String, String), (String, bool)>;

/// Sends the objects to both servers.
///
/// # Errors
/// When a server cannot be reached.
pub async fn run(pair: &Pair, objects: &[Value]) -> Result<Report> {
    let mut report = Report::new("objects of the corpus");
    let definitions: Vec<&Value> = objects.iter().filter(|o| o["kind"] == "CustomResourceDefinition").collect();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned();
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for definition in definitions {
        by_name.entry(definition["metadata"]["name"].as_str().unwrap_or_default()).or_default().push(definition);
    }
    let work = by_name.into_values().map(|versions| async {
        let mut report = Report::default();
        for definition in versions {
            define(pair, definition, &path, &mut report).await?;
        }
        Ok::<_, anyhow::Error>(report)
    });
    for done in stream::iter(work).buffer_unordered(LANES).collect::<Vec<_>>().await {
        report.add(done?);
    }
    let paths = discover(pair).await?;
    let namespaces: BTreeSet<&str> = objects.iter().map(namespace_of).collect();
    for name in namespaces {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let wire = Wire::new(Method::PATCH, format!("/api/v1/namespaces/{name}?fieldManager=diff"));
        pair.both(&wire.body(body).content_type("application/apply-patch+yaml")).await?;
    }
    let mut lanes: BTreeMap<usize, Vec<(usize, &Value)>> = BTreeMap::new();
    for (i, object) in objects.iter().enumerate().filter(|(_, o)| o["kind"] != "CustomResourceDefinition") {
        lanes.entry(lane(object)).or_default().push((i, object));
    }
    let work = lanes.into_values().map(|lane| async {
        let mut report = Report::default();
        for (i, object) in lane {
            if let Some((collection, _)) = collection(&paths, object) {
                one(pair, object, &collection, i % CREATE_EVERY == 0, &mut report).await?;
            }
        }
        Ok::<_, anyhow::Error>(report)
    });
    for done in futures::future::join_all(work).await {
        report.add(done?);
    }
    Ok(report)
}

fn namespace_of(object: &Value) -> &str {
    object.pointer("/metadata/namespace").and_then(Value::as_str).filter(|n| !n.is_empty()).unwrap_or(NAMESPACE)
}

/// Objects of one name follow each other; Services may ask for the same ports, so they all do.
fn lane(object: &Value) -> usize {
    if object["kind"] == "Service" {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (object["kind"].as_str(), object["metadata"]["name"].as_str()).hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0)
}

async fn discover(pair: &Pair) -> Result<Paths> {
    let mut out = Paths::new();
    for root in ["/api", "/apis"] {
        let mut wire = Wire::new(Method::GET, root);
        wire.accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let (_, real) = pair.both(&wire).await?;
        for group in real.body["items"].as_array().into_iter().flatten() {
            let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                let version_name = version["version"].as_str().unwrap_or_default();
                let group_version =
                    if name.is_empty() { version_name.to_owned() } else { format!("{name}/{version_name}") };
                for resource in version["resources"].as_array().into_iter().flatten() {
                    let kind = resource.pointer("/responseKind/kind").and_then(Value::as_str).unwrap_or_default();
                    let plural = resource["resource"].as_str().unwrap_or_default();
                    let path = format!(
                        "{}/{plural}",
                        if name.is_empty() { "/api/v1".into() } else { format!("/apis/{group_version}") }
                    );
                    out.insert((group_version.clone(), kind.to_owned()), (path, resource["scope"] == "Namespaced"));
                }
            }
        }
    }
    Ok(out)
}

fn collection(paths: &Paths, object: &Value) -> Option<(String, bool)> {
    let key = (object["apiVersion"].as_str()?.to_owned(), object["kind"].as_str()?.to_owned());
    let (path, namespaced) = paths.get(&key)?;
    if !namespaced {
        return Some((path.clone(), false));
    }
    let (root, plural) = path.rsplit_once('/')?;
    Some((format!("{root}/namespaces/{}/{plural}", namespace_of(object)), true))
}

/// Applies a definition and waits until its kind is served.
async fn define(pair: &Pair, definition: &Value, path: &str, report: &mut Report) -> Result<()> {
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    let wire = Wire::new(Method::PATCH, format!("{path}/{name}?fieldManager=diff&force=true"));
    let wire = wire.content_type("application/apply-patch+yaml").body(definition.clone());
    let (a, b) = pair.both(&wire).await?;
    report.compare(&wire, &a, &b);
    let get = Wire::new(Method::GET, format!("{path}/{name}"));
    for _ in 0..100 {
        let (a, b) = pair.both(&get).await?;
        let established = b.body.to_string().contains("InitialNamesAccepted");
        if established || !b.ok() {
            report.compare(&get, &a, &b);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Applies an object, reads it, applies it again, deletes it; and creates it when `create`.
async fn one(pair: &Pair, object: &Value, collection: &str, create: bool, report: &mut Report) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("{collection}/{name}");
    let apply = Wire::new(Method::PATCH, format!("{path}?fieldManager=diff&force=true"));
    let apply = apply.content_type("application/apply-patch+yaml").body(object.clone());
    let post = Wire::new(Method::POST, format!("{collection}?fieldManager=diff")).body(object.clone());
    let writes = [Some(apply), create.then_some(post)];
    for write in writes.into_iter().flatten() {
        let (a, b) = pair.both(&write).await?;
        report.compare(&write, &a, &b);
        if a.ok() || b.ok() {
            let get = Wire::new(Method::GET, path.clone());
            let (a, b) = pair.both(&get).await?;
            report.compare(&get, &a, &b);
        }
        remove(pair, &path).await?;
    }
    Ok(())
}

/// Deletes an object on both, whatever its finalizers say.
async fn remove(pair: &Pair, path: &str) -> Result<()> {
    let delete = Wire::new(Method::DELETE, path);
    let delete = delete.body(json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"}));
    let (a, b) = pair.both(&delete).await?;
    let left = |body: &Value| body.pointer("/metadata/finalizers").is_some();
    if left(&a.body) || left(&b.body) {
        let patch = Wire::new(Method::PATCH, path).content_type("application/merge-patch+json");
        pair.both(&patch.body(json!({"metadata": {"finalizers": null}}))).await?;
    }
    Ok(())
}
