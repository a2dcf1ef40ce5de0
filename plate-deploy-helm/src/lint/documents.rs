//! The documents of a file as Kubernetes' "YAML or JSON" decoder reads them.

use crate::chart::{DocumentError, split_documents};
use crate::value::json;
use crate::value::yaml::{Head, head_if_any};

/// Heads of the documents in order, `None` for empty ones. After an error there is nothing more.
pub(super) fn documents(text: &str) -> Vec<Result<Option<Head>, String>> {
    let mut found = Vec::new();
    let mut rest = text.as_bytes();
    let mut first_problem = None;
    if text.trim_start().starts_with('{') {
        while !rest.trim_ascii().is_empty() {
            match json::decode_first(rest) {
                Ok((_, used)) => {
                    let (object, after) = rest.split_at(used.min(rest.len()));
                    found.push(head_if_any(object).map_err(|error| error.to_string()));
                    rest = after;
                }
                Err(problem) => {
                    let text = format!("json: offset {}: {problem}", problem.offset());
                    if found.len() > 1 {
                        found.push(Err(text));
                        return found;
                    }
                    first_problem = Some(text);
                    break;
                }
            }
        }
        if first_problem.is_none() {
            return found;
        }
    }
    let problem = |text: String| first_problem.clone().unwrap_or(text);
    match split_documents(rest) {
        Ok(documents) => {
            for document in documents {
                let read = head_if_any(document).map_err(|error| problem(kubernetes_names(&error.to_string())));
                let failed = read.is_err();
                found.push(read);
                if failed {
                    break;
                }
            }
        }
        Err(DocumentError::Separator(text)) => {
            found.push(Err(problem(format!("invalid Yaml document separator: {text}"))));
        }
        Err(other) => found.push(Err(problem(other.to_string()))),
    }
    found
}

/// Go's name of the struct that lint reads into, in place of the one that the manifest sorter has.
fn kubernetes_names(text: &str) -> String {
    text.replace("util.SimpleHead", "rules.k8sYamlStruct")
        .replace("SimpleHead.apiVersion", "k8sYamlStruct.apiVersion")
        .replace("SimpleHead.kind", "k8sYamlStruct.Kind")
        .replace("field .metadata.name", "field k8sYamlMetadata.Metadata.Name")
}
