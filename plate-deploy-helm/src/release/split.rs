//! Splitting of a rendered file into documents.

/// Splits as Helm 4: at every line that starts with `---`, whatever follows on it. White space goes from the start of
/// each document, its end stays as it is; documents of nothing but white space are dropped.
#[must_use]
pub fn split_manifests(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let mut rest = text.strip_prefix("---").unwrap_or(text);
    let mut documents = Vec::new();
    while let Some(at) = rest.find("\n---") {
        push(&mut documents, rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 4..).unwrap_or_default();
    }
    push(&mut documents, rest);
    documents
}

/// Splits as Helm 3: white space around separators and documents goes, and with it the line break that the next
/// separator needs.
#[must_use]
pub fn split_manifests_helm3(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut rest = text.strip_prefix("---").map_or(text, str::trim_start);
    let mut documents = Vec::new();
    while let Some(at) = rest.find("\n---") {
        push(&mut documents, rest.get(..at).unwrap_or_default().trim_end());
        rest = rest.get(at + 4..).unwrap_or_default().trim_start();
    }
    push(&mut documents, rest);
    documents
}

fn push<'t>(documents: &mut Vec<&'t str>, document: &'t str) {
    let document = document.trim_start();
    if !document.is_empty() {
        documents.push(document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_split_as_helm_4() {
        for (text, want) in [
            ("a\n---\nb\n", &["a\n", "b\n"][..]),
            ("---\n\n---\na: 1\n---\n", &["a: 1\n"]),
            ("a: |\n  x\n---b: 2\n", &["a: |\n  x\n", "b: 2\n"]),
            ("-----END\n", &["--END\n"]),
            ("--- # c\na: 1", &["# c\na: 1"]),
            ("a: x---y\n", &["a: x---y\n"]),
            ("  \n  ---\na", &["a"]),
            ("------\na", &["---\na"]),
            ("", &[]),
        ] {
            assert_eq!(split_manifests(text), want, "{text:?}");
        }
    }

    #[test]
    fn documents_split_as_helm_3() {
        for (text, want) in [
            ("a\n---\nb\n", &["a", "b"][..]),
            ("---\n\n---\na: 1\n---\n", &["---\na: 1"]),
            ("a\n\n---   \n\nb", &["a", "b"]),
        ] {
            assert_eq!(split_manifests_helm3(text), want, "{text:?}");
        }
    }
}
