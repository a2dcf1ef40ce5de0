//! The layering of docs/ARCHITECTURE.md, checked against the sources.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::tidy::{rust_files, workspace_root};

/// The modules of each library crate with their layers: a module names modules of lower layers, and itself.
fn layers() -> BTreeMap<&'static str, Vec<Vec<&'static str>>> {
    BTreeMap::from([
        (
            "plate-deploy-core",
            vec![
                vec!["model", "files", "clock"],
                vec!["yaml", "report", "git", "cluster", "tracking", "state"],
                vec!["health", "lock", "backup"],
                vec!["workspace"],
                vec!["render"],
                vec!["lint", "diff", "graph"],
                vec!["sync", "changes", "impact"],
                vec!["driver"],
                vec!["pipeline"],
                vec!["engine"],
            ],
        ),
        (
            "plate-deploy-helm",
            vec![
                vec!["value"],
                vec!["template"],
                vec!["sprig"],
                vec!["chart"],
                vec!["engine"],
                vec!["release"],
                vec!["lint"],
            ],
        ),
        (
            "plate-deploy-apiserver",
            vec![
                vec!["scheme"],
                vec!["storage"],
                vec!["fieldmanager", "patch", "selector", "validation"],
                vec!["registry"],
                vec!["endpoints"],
                vec!["controllers"],
                vec!["server"],
            ],
        ),
    ])
}

#[test]
fn a_module_names_lower_layers_only() {
    let name = Regex::new(r"\bcrate::(?:\{([^}]*)\}|([a-z_]+))").unwrap();
    let mut wrong = Vec::new();
    for (krate, layers) in layers() {
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        let src = workspace_root().join(krate).join("src");
        for file in rust_files(&src) {
            let Some(own) = module_of(&src, &file) else { continue };
            let Some(own_layer) = layer(&own) else { continue };
            for named in name.captures_iter(&code(&file)) {
                let list = named.get(1).or_else(|| named.get(2)).unwrap().as_str();
                for module in list.split(',').map(|m| m.trim().split("::").next().unwrap_or_default()) {
                    if module != own && layer(module).is_some_and(|l| l >= own_layer) {
                        wrong.push(format!("{}: {own} names crate::{module}", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "upward dependencies:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    for (krate, layers) in layers() {
        let src = workspace_root().join(krate).join("src");
        for entry in std::fs::read_dir(&src).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_dir() {
                assert!(
                    layers.iter().flatten().any(|m| *m == name),
                    "{krate}/src/{name} is in no layer (tests/it/layers.rs, docs/ARCHITECTURE.md)"
                );
            }
        }
    }
}

#[test]
fn crates_keep_to_their_borders() {
    let forbidden = [
        ("plate-deploy-helm", vec!["plate-deploy-core", "plate-deploy-apiserver", "kube", "tokio"]),
        ("plate-deploy-apiserver", vec!["plate-deploy-core", "plate-deploy-helm"]),
        ("plate-deploy-core", vec!["plate-deploy-cli", "clap", "anstream"]),
    ];
    for (krate, names) in forbidden {
        let manifest = std::fs::read_to_string(workspace_root().join(krate).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        for name in names {
            let used = dependencies.lines().any(|line| line.split(['=', '.', ' ']).next() == Some(name));
            assert!(!used, "{krate} must not depend on {name}");
        }
    }
}

/// The top-level module a file belongs to; `None` for lib.rs and for single-file modules that no layer lists.
fn module_of(src: &Path, file: &Path) -> Option<String> {
    let first = file.strip_prefix(src).ok()?.components().next()?.as_os_str().to_str()?.to_owned();
    Some(first.trim_end_matches(".rs").to_owned())
}

/// The code of a file without comments and without its test module.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
