//! The context guard: an environment and a cluster must agree by name before anything is read or written.

/// Words that mark a production cluster in a context's name.
const PRODUCTION: &[&str] = &["production", "prod", "prd", "live"];

/// Whether a deploy of `environment` to the context `context` may go on; the error says why not and what to do.
///
/// Production needs a context whose name says so; everything else refuses a production context. `confirmed` is a context
/// name that the caller vouches for.
pub(super) fn check_context(
    environment: &str,
    production: bool,
    context: &str,
    confirmed: Option<&str>,
) -> Result<(), (String, String)> {
    if confirmed == Some(context) {
        return Ok(());
    }
    let is_production = says_production(context);
    let remedy = format!("choose another --context, or vouch for this one with --confirm-context {context}");
    match (production || says_production(environment), is_production) {
        (true, false) => {
            Err((format!("{environment} needs a context whose name says so; {context:?} does not"), remedy))
        }
        (false, true) => Err((format!("{context:?} is a production context; {environment} must not go there"), remedy)),
        _ => Ok(()),
    }
}

/// Whether one of the name's words marks production: `eks-prod-1`, `live.example.com`, but not `product-catalog`.
fn says_production(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| PRODUCTION.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::check_context;

    #[test]
    fn environment_and_context_must_agree() {
        let ok = [
            ("production", "eks-prod-1", None),
            ("production", "arn:aws:eks:eu:1:cluster/PRODUCTION", None),
            ("staging", "kind-stg", None),
            ("staging", "product-catalog", None),
            ("production", "main", Some("main")),
            ("canary", "live-1", None),
        ];
        for (environment, context, confirmed) in ok {
            assert_eq!(check_context(environment, environment == "canary", context, confirmed), Ok(()), "{environment} on {context}");
        }
        for (environment, context, confirmed) in [
            ("production", "kind-stg", None),
            ("production", "product-catalog", None),
            ("staging", "live", None),
            ("canary", "kind-stg", None),
            ("staging", "eks-prod-1", Some("other")),
        ] {
            assert!(check_context(environment, environment == "canary", context, confirmed).is_err(), "{environment} on {context}");
        }
    }
}
