//! What holds for every sync: random objects, failures and interruptions.

use proptest::prelude::*;

use super::*;

/// A random object: kind, wave, hook type, how long it takes, whether it fails.
#[derive(Clone, Debug)]
struct Thing {
    kind: &'static str,
    wave: i8,
    hook: Option<&'static str>,
    slow: u32,
    degraded: bool,
    refused: bool,
}

fn thing() -> impl Strategy<Value = Thing> {
    let kind = prop::sample::select(vec!["ConfigMap", "Deployment", "Job"]);
    let hook = prop::option::weighted(0.3, prop::sample::select(vec!["PreSync", "Sync", "PostSync", "SyncFail"]));
    (kind, -1..3_i8, hook, 0..3_u32, prop::bool::weighted(0.05), prop::bool::weighted(0.05))
        .prop_map(|(kind, wave, hook, slow, degraded, refused)| Thing { kind, wave, hook, slow, degraded, refused })
}

#[derive(Clone, Debug)]
struct Scenario {
    things: Vec<Thing>,
    /// Objects that left Git: kind and wave.
    garbage: Vec<(&'static str, i8)>,
    prune_last: bool,
    fail_fast: bool,
    /// After how many questions each step in turn is given up.
    crashes: Vec<u32>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let garbage = (prop::sample::select(vec!["ConfigMap", "Deployment"]), -1..3_i8);
    (
        prop::collection::vec(thing(), 0..7),
        prop::collection::vec(garbage, 0..4),
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(0..8_u32, 0..4),
    )
        .prop_map(|(things, garbage, prune_last, fail_fast, crashes)| Scenario {
            things,
            garbage,
            prune_last,
            fail_fast,
            crashes,
        })
}

impl Scenario {
    fn start(&self) -> (SyncState, Cluster) {
        let mut cluster = Cluster::default();
        let mut targets = Vec::new();
        for (index, thing) in self.things.iter().enumerate() {
            let name = format!("x{index}");
            let wave = thing.wave.to_string();
            let mut notes = vec![(annotations::SYNC_WAVE, wave.as_str())];
            notes.extend(thing.hook.map(|hook| (annotations::HOOK, hook)));
            targets.push(object(thing.kind, &name, &notes));
            cluster.slow.insert(name.clone(), thing.slow);
            if thing.degraded {
                cluster.degraded.insert(name.clone());
            }
            if thing.refused {
                cluster.refused.insert(name);
            }
        }
        for (index, (kind, wave)) in self.garbage.iter().enumerate() {
            let wave = wave.to_string();
            cluster.hold(object(kind, &format!("old{index}"), &[(annotations::SYNC_WAVE, wave.as_str())]));
        }
        let mut request = request(targets);
        if self.prune_last {
            request.operation.sync_options.push("PruneLast=true".into());
        }
        request.behaviour.fail_fast = self.fail_fast;
        (SyncState::new(request), cluster)
    }

    /// Objects of the phases before PostSync that the cluster lacks or that are not healthy.
    fn not_ready(&self, cluster: &Cluster) -> Vec<String> {
        let early = |thing: &Thing| !matches!(thing.hook, Some("PostSync" | "SyncFail"));
        let things = self.things.iter().enumerate().filter(|(_, thing)| early(thing));
        things
            .map(|(index, thing)| object(thing.kind, &format!("x{index}"), &[]).key())
            .filter(|key| {
                let healthy = key.kind == "ConfigMap" || cluster.health(key) == "healthy";
                !(healthy && cluster.objects.contains_key(key))
            })
            .map(|key| key.name)
            .collect()
    }
}

/// How often each line occurs.
fn repeated(log: &[String]) -> Vec<&String> {
    log.iter().enumerate().filter(|(index, line)| log[..*index].contains(line)).map(|(_, line)| line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sync_ends_and_does_nothing_twice(scenario in scenario()) {
        let (mut sync, mut cluster) = scenario.start();
        run(&mut sync, &mut cluster);
        prop_assert!(sync.phase().completed(), "stuck: {}", sync.message());
        prop_assert!(repeated(&cluster.log).is_empty(), "twice: {:?}", repeated(&cluster.log));
        let good = scenario.things.iter().all(|thing| !thing.degraded && !thing.refused);
        if good {
            prop_assert_eq!(sync.phase(), OperationPhase::Succeeded, "{}", sync.message());
            prop_assert!(!cluster.objects.keys().any(|key| key.name.starts_with("old")));
        }
    }

    #[test]
    fn prune_last_waits_for_everything_else(scenario in scenario()) {
        let (mut sync, mut cluster) = Scenario { prune_last: true, ..scenario.clone() }.start();
        for _ in 0..MOST_STEPS {
            if sync.phase().completed() {
                break;
            }
            let before = cluster.log.len();
            sync.observe(cluster.observe());
            let not_ready = scenario.not_ready(&cluster);
            let mut again = cluster.clone();
            while let Some(batch) = next_batch(&mut sync) {
                for operation in batch.operations {
                    let outcome = again.execute(&operation);
                    sync.record(operation.id, outcome).unwrap();
                }
            }
            let pruned = again.log.iter().skip(before).any(|line| line.starts_with("prune"));
            prop_assert!(!pruned || not_ready.is_empty(), "pruned before {:?}", not_ready);
            cluster = again;
        }
        prop_assert!(sync.phase().completed());
    }

    #[test]
    fn an_interrupted_sync_ends_as_an_uninterrupted_one(mut scenario in scenario()) {
        // An object of the last wave that degrades later goes unnoticed, unless an interruption makes for a later look.
        scenario.things.iter_mut().for_each(|thing| thing.degraded = false);
        let (mut sync, mut cluster) = scenario.start();
        run(&mut sync, &mut cluster);
        let (mut broken, mut other) = scenario.start();
        for crash in &scenario.crashes {
            if !broken.phase().completed() {
                step(&mut broken, &mut other, Some(*crash));
                broken = serde_json::from_str(&serde_json::to_string(&broken).unwrap()).unwrap();
            }
        }
        run(&mut broken, &mut other);
        prop_assert_eq!(broken.phase(), sync.phase(), "{} / {}", broken.message(), sync.message());
        prop_assert!(repeated(&other.log).is_empty(), "twice: {:?}", repeated(&other.log));
        if sync.phase() == OperationPhase::Succeeded {
            let names = |cluster: &Cluster| cluster.objects.keys().cloned().collect::<Vec<_>>();
            prop_assert_eq!(names(&other), names(&cluster));
        }
    }
}

/// The next batch; waves may always go on.
fn next_batch(sync: &mut SyncState) -> Option<Batch> {
    loop {
        match sync.advance(&Rules) {
            Next::Execute(batch) => return Some(batch),
            Next::WaveApplied(_) => sync.record_wave(Ok(())).unwrap(),
            Next::Wait | Next::Done => return None,
        }
    }
}
