//! Discovery: `/api`, `/apis` in both forms, group and version documents.

use serde_json::{Map, Value, json};

use crate::registry::{Catalog, Resource};
use crate::scheme::{SubresourceInfo, api_version};

/// Groups in order with their versions in order of preference.
fn groups(catalog: &Catalog) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for r in catalog.all() {
        let info = &r.info;
        let at = match out.iter().position(|(g, _)| *g == info.group) {
            Some(i) => i,
            None => {
                out.push((info.group.clone(), Vec::new()));
                out.len() - 1
            }
        };
        if let Some((_, versions)) = out.get_mut(at)
            && !versions.contains(&info.version)
        {
            versions.push(info.version.clone());
        }
    }
    for (_, versions) in &mut out {
        versions.sort_by_key(|v| std::cmp::Reverse(crate::registry::version_order(v)));
    }
    out
}

fn group_document(group: &str, versions: &[String], full: bool) -> Value {
    let entry = |v: &String| json!({"groupVersion": api_version(group, v), "version": v});
    let mut out = json!({"name": group, "versions": versions.iter().map(entry).collect::<Vec<_>>()});
    out["preferredVersion"] = versions.first().map(entry).unwrap_or_default();
    if full {
        out["kind"] = "APIGroup".into();
        out["apiVersion"] = "v1".into();
    }
    out
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]})
}

/// `/apis`.
pub(super) fn group_list(catalog: &Catalog) -> Value {
    let groups: Vec<Value> =
        groups(catalog).iter().filter(|(g, _)| !g.is_empty()).map(|(g, v)| group_document(g, v, false)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(catalog: &Catalog, name: &str) -> Option<Value> {
    let found = groups(catalog).into_iter().find(|(g, _)| g == name && !g.is_empty())?;
    Some(group_document(&found.0, &found.1, true))
}

fn legacy_resource(r: &Resource) -> Vec<Value> {
    let info = &r.info;
    let mut main = Map::new();
    main.insert("name".to_owned(), info.plural.as_str().into());
    main.insert("singularName".to_owned(), info.singular.as_str().into());
    main.insert("namespaced".to_owned(), info.namespaced.into());
    main.insert("kind".to_owned(), info.kind.as_str().into());
    main.insert("verbs".to_owned(), info.verbs.clone().into());
    for (key, list) in [("shortNames", &info.short_names), ("categories", &info.categories)] {
        if !list.is_empty() {
            main.insert(key.to_owned(), list.clone().into());
        }
    }
    let mut out = vec![Value::Object(main)];
    for s in &info.subresources {
        let mut v = json!({"name": format!("{}/{}", info.plural, s.name), "singularName": "", "namespaced": info.namespaced,
            "kind": s.kind.kind, "verbs": s.verbs});
        if s.kind.group != info.group || s.kind.version != info.version {
            v["group"] = s.kind.group.as_str().into();
            v["version"] = s.kind.version.as_str().into();
        }
        out.push(v);
    }
    out
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub(super) fn resource_list(catalog: &Catalog, group: &str, version: &str) -> Option<Value> {
    if !catalog.has_group_version(group, version) {
        return None;
    }
    let of_version = catalog.all().iter().filter(|r| r.info.group == group && r.info.version == version);
    let resources: Vec<Value> = of_version.flat_map(|r| legacy_resource(r)).collect();
    let mut out =
        json!({"kind": "APIResourceList", "groupVersion": api_version(group, version), "resources": resources});
    if !group.is_empty() {
        out["apiVersion"] = "v1".into();
    }
    Some(out)
}

fn aggregated_subresource(s: &SubresourceInfo) -> Value {
    json!({"subresource": s.name, "verbs": s.verbs,
        "responseKind": {"group": s.kind.group, "version": s.kind.version, "kind": s.kind.kind}})
}

fn aggregated_resource(r: &Resource) -> Value {
    let info = &r.info;
    let mut out = json!({"resource": info.plural, "singularResource": info.singular, "verbs": info.verbs,
        "responseKind": {"group": info.group, "version": info.version, "kind": info.kind},
        "scope": if info.namespaced { "Namespaced" } else { "Cluster" }});
    for (key, list) in [("shortNames", &info.short_names), ("categories", &info.categories)] {
        if !list.is_empty() {
            out[key] = list.clone().into();
        }
    }
    if !info.subresources.is_empty() {
        out["subresources"] = info.subresources.iter().map(aggregated_subresource).collect();
    }
    out
}

/// `/api` (`core`) or `/apis` as an `APIGroupDiscoveryList`.
pub(super) fn aggregated(catalog: &Catalog, core: bool) -> Value {
    let items: Vec<Value> = groups(catalog)
        .iter()
        .filter(|(g, _)| g.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|v| {
                    let own = catalog.all().iter().filter(|r| r.info.group == *group && r.info.version == *v);
                    let resources: Vec<Value> = own.map(|r| aggregated_resource(r)).collect();
                    json!({"version": v, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if core { json!({}) } else { json!({ "name": group }) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}
