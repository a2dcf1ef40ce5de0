//! Failure impact: what the graph predicts is what the simulation measures, for every kind of failure.

use std::collections::BTreeSet;

use plate_deploy_core::engine::{Related, Repo, SimulateOptions};
use plate_deploy_core::impact::{Ability, Affected, Facts, Failure, predict};
use plate_deploy_tests::platform::Platform;

/// One failure of each kind, as it is written, with a member that feels it and when.
const KINDS: [(&str, &str, Affected); 18] = [
    ("pipeline", "plate-web-stg", Affected::Later),
    ("argocd/controller", "plate-web-stg", Affected::Later),
    ("argocd/repo-server", "plate-web-stg", Affected::Later),
    ("argocd/redis", "plate-web-stg", Affected::No),
    ("chart/plate-web", "plate-web-prod", Affected::Later),
    ("values/helm/applications/plate-web/values-stg.yaml", "plate-web-stg", Affected::Later),
    ("library/local-storage", "plate-cache", Affected::Later),
    ("library/banner-operator", "plate-config-stg", Affected::Later),
    ("git", "plate-web-stg", Affected::Later),
    ("cluster/api-server", "plate-web-stg", Affected::Later),
    ("cluster/etcd", "plate-cache", Affected::Later),
    ("cluster/scheduler", "plate-server-stg", Affected::Later),
    ("cluster/controller-manager", "plate-cache", Affected::Later),
    ("cluster/node", "plate-web-stg", Affected::Now),
    ("cluster/storage-class/plate-local", "plate-cache", Affected::Later),
    ("cluster/ingress-controller", "plate-ingress-stg", Affected::Now),
    ("app/plate-web-stg", "plate-ingress-stg", Affected::Now),
    ("registry/registry.example.com", "plate-web-stg", Affected::Later),
];

async fn platform() -> (Platform, Repo, Related) {
    let platform = Platform::example().unwrap();
    let repo = platform.repo().await.unwrap();
    let related = repo.offline().relations("HEAD", None).await.unwrap();
    assert!(related.broken.is_empty(), "{:?}", related.broken);
    (platform, repo, related)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prediction_equals_the_simulated_failure() {
    let (_platform, repo, related) = platform().await;
    // A few at a time: most of the time is waiting for what never comes.
    for some in KINDS.chunks(6) {
        futures::future::join_all(some.iter().map(|(word, member, when)| check(&repo, &related, word, member, *when)))
            .await;
    }
}

async fn check(repo: &Repo, related: &Related, word: &str, member: &str, when: Affected) {
    let failure = Failure::parse(word, &related.graph).unwrap();
    let impact = predict(&related.graph, &related.loaded.workspace, &failure, &Facts::default());
    let names: Vec<_> = impact.members.iter().map(|m| m.name.as_str()).collect();
    let found = impact.members.iter().find(|m| m.name == member);
    let found = found.unwrap_or_else(|| panic!("{member} is not among {names:?}"));
    assert_eq!(found.affected, when, "{word}: {found:?}");
    let measured = repo.simulate(related, &failure, &SimulateOptions::default()).await.unwrap();
    let impact = impact.with_measured(measured);
    assert!(impact.differences.is_empty(), "{word}: {:#?}", impact.differences);
    // A report that predicted and measured nothing would agree, too.
    let looked: usize = impact.measured.iter().flat_map(|m| m.values()).map(|abilities| abilities.len()).sum();
    assert!(looked > 40, "{word}: only {looked} measurements");
    let lost = impact.members.iter().any(|m| m.works.values().any(|works| !works));
    assert_eq!(lost, word != "argocd/redis", "{word}");
    assert!(!impact.recovery.is_empty() && !impact.prevention.is_empty(), "{word}");
    assert!(impact.recovery.iter().all(|step| !step.commands.is_empty()), "{word}: {:#?}", impact.recovery);
}

/// The list above leaves no kind out, but for the load balancer, which has a test of its own.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_tried() {
    let (_platform, repo, related) = platform().await;
    let stem = |kind: &str| kind.split(['[', 'N', 'P', 'H']).next().unwrap().trim_end_matches('/').to_owned();
    let mut tried: BTreeSet<String> = BTreeSet::from(["cluster/load-balancer".to_owned()]);
    let kinds: BTreeSet<String> = Failure::KINDS.iter().map(|kind| stem(kind)).collect();
    tried.extend(kinds.iter().filter(|kind| KINDS.iter().any(|(word, ..)| word.starts_with(kind.as_str()))).cloned());
    assert_eq!(tried, kinds);
    let failure = Failure::parse("load-balancer", &related.graph).unwrap();
    let impact = predict(&related.graph, &related.loaded.workspace, &failure, &Facts::default());
    let measured = repo.simulate(&related, &failure, &SimulateOptions::default()).await.unwrap();
    assert_eq!(measured["plate-server-stg"].get(&Ability::Reach), Some(&false), "{measured:#?}");
    assert_eq!(impact.with_measured(measured).differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_looked_up_and_hints_given() {
    let (_platform, _repo, related) = platform().await;
    for (word, says) in [
        ("chrt/plate-web", "did you mean chart"),
        ("chart/plate-wev", "did you mean plate-web?"),
        ("cluster/moon", "kinds: pipeline"),
        ("registry/nowhere", "registry.example.com"),
    ] {
        let error = Failure::parse(word, &related.graph).unwrap_err().to_string();
        assert!(error.contains(says), "{word}: {error}");
    }
    for word in ["etcd", "argocd", "git", "cluster/node/a"] {
        Failure::parse(word, &related.graph).unwrap();
    }
}
