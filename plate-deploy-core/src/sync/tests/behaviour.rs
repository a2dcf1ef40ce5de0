//! The named departures from Argo CD, and interruptions.

use super::*;

const WAVE: &str = annotations::SYNC_WAVE;

fn sync_with(targets: Vec<Manifest>, behaviour: Behaviour) -> SyncState {
    SyncState::new(request(targets).behaviour(behaviour))
}

#[test]
fn too_many_prunes_are_refused_before_anything_runs() {
    let kept = object("ConfigMap", "kept", &[(annotations::SYNC_OPTIONS, "Prune=false")]);
    for (limit, expected) in [(1, OperationPhase::Failed), (2, OperationPhase::Succeeded)] {
        let mut cluster = Cluster::default();
        cluster.hold(object("ConfigMap", "old1", &[]));
        cluster.hold(object("ConfigMap", "old2", &[]));
        cluster.hold(kept.clone());
        let behaviour = Behaviour { max_prunes: Some(limit), ..Behaviour::default() };
        let mut sync = sync_with(vec![object("ConfigMap", "new", &[])], behaviour);
        run(&mut sync, &mut cluster);
        assert_eq!(sync.phase(), expected, "{}", sync.message());
        assert_eq!(cluster.log.is_empty(), expected == OperationPhase::Failed);
    }
}

#[test]
fn fail_fast_does_not_wait_for_the_others() {
    let targets = || {
        vec![
            object("Deployment", "bad", &[]),
            object("Deployment", "slow", &[]),
            object("ConfigMap", "later", &[(WAVE, "1")]),
        ]
    };
    let steps = |fail_fast| {
        let mut cluster = Cluster::default();
        cluster.degraded.insert("bad".into());
        cluster.slow.insert("slow".into(), 50);
        let mut sync = sync_with(targets(), Behaviour { fail_fast, ..Behaviour::default() });
        let mut steps = 0;
        while !sync.phase().completed() {
            step(&mut sync, &mut cluster, None);
            steps += 1;
        }
        assert_eq!(sync.phase(), OperationPhase::Failed);
        assert!(!cluster.log.contains(&"write ConfigMap/later".to_owned()));
        steps
    };
    assert_eq!(steps(true), 2);
    assert!(steps(false) > 50, "Argo CD waits for the slow one");
}

#[test]
fn fail_fast_still_runs_its_failure_hooks_to_their_end() {
    let hook = object("Job", "report", &[(annotations::HOOK, "SyncFail")]);
    let running = object("Job", "migrate", &[(annotations::HOOK, "Sync")]);
    let mut cluster = Cluster::default();
    cluster.degraded.insert("bad".into());
    cluster.slow.extend([("report".into(), 3), ("migrate".into(), 50)]);
    let behaviour = Behaviour { fail_fast: true, ..Behaviour::default() };
    let mut sync = sync_with(vec![object("Deployment", "bad", &[]), hook, running], behaviour);
    run(&mut sync, &mut cluster);
    assert_eq!(sync.phase(), OperationPhase::Failed);
    assert_eq!(
        cluster.log,
        ["write Deployment/bad", "write Job/migrate", "delete Job/migrate", "write Job/report"],
        "the running hook is ended, the failure hook is waited for"
    );
}

#[test]
fn missing_kinds_are_refused_or_awaited() {
    let targets = || vec![object("ConfigMap", "a", &[]), object("Widget", "w", &[(WAVE, "1")])];
    let mut cluster = Cluster::default();
    cluster.unserved.insert("Widget".into());

    let mut refused = sync_with(targets(), Behaviour::default());
    run(&mut refused, &mut cluster);
    assert_eq!(refused.phase(), OperationPhase::Failed);
    assert!(cluster.log.is_empty());

    let behaviour = Behaviour { missing_kinds: MissingKinds::Await, ..Behaviour::default() };
    let mut sync = sync_with(targets(), behaviour);
    for _ in 0..3 {
        step(&mut sync, &mut cluster, None);
    }
    assert_eq!(sync.message(), "waiting for the API server to serve x.io/v1 Widget");
    assert_eq!(sync.waiting_for(), [object("Widget", "w", &[]).key()]);
    cluster.unserved.clear();
    run(&mut sync, &mut cluster);
    assert_eq!(sync.phase(), OperationPhase::Succeeded);
    assert_eq!(cluster.log, ["write ConfigMap/a", "write Widget/w"]);
}

#[test]
fn a_hold_keeps_the_place_and_a_timeout_ends_the_sync() {
    let behaviour = Behaviour { timeout: Some(jiff::SignedDuration::from_mins(5)), ..Behaviour::default() };
    let mut sync = sync_with(vec![object("ConfigMap", "a", &[])], behaviour);
    let mut cluster = Cluster::default();
    let mut held = cluster.observe();
    held.hold = Some("outside the sync window".into());
    sync.observe(held.clone());
    assert_eq!(sync.advance(&Rules), Next::Wait);
    assert_eq!((sync.phase(), sync.message()), (OperationPhase::Running, "outside the sync window"));
    held.now = time("2026-01-01T00:06:00Z");
    sync.observe(held);
    assert_eq!(sync.advance(&Rules), Next::Done, "a hold does not stop a termination");
    assert_eq!((sync.phase(), sync.message()), (OperationPhase::Failed, "Operation terminated"));
    assert!(cluster.log.is_empty());
}

/// A volume claim is healthy only once its pod is there: a wave cut in two must be finished before it is waited for.
#[test]
fn an_interrupted_wave_is_finished_before_it_is_waited_for() {
    let targets = vec![
        object("Deployment", "claim", &[]),
        object("Job", "pod", &[]),
        object("ConfigMap", "later", &[(WAVE, "1")]),
    ];
    let mut cluster = Cluster::default();
    cluster.slow.insert("claim".into(), u32::MAX);
    let mut sync = SyncState::new(request(targets));
    // Questions: dry runs of three kinds, the Deployment's write, then the Job's, which is not answered any more.
    assert!(!step(&mut sync, &mut cluster, Some(4)));
    assert_eq!(cluster.log, ["write Deployment/claim"]);
    sync = serde_json::from_str(&serde_json::to_string(&sync).unwrap()).unwrap();
    step(&mut sync, &mut cluster, None);
    assert_eq!(cluster.log, ["write Deployment/claim", "write Job/pod"]);
    cluster.slow.clear();
    run(&mut sync, &mut cluster);
    assert_eq!(sync.phase(), OperationPhase::Succeeded);
    assert_eq!(cluster.log.len(), 3);
}

#[test]
fn outcomes_are_taken_once_and_only_when_asked_for() {
    let mut sync = SyncState::new(request(vec![object("ConfigMap", "a", &[])]));
    let mut cluster = Cluster::default();
    let id = OperationId { step: 1, batch: 0, index: 0 };
    assert_eq!(sync.record(id, Outcome::done("")), Err(RecordError::Unknown(id)));
    sync.observe(cluster.observe());
    assert!(matches!(sync.advance(&Rules), Next::Execute(_)));
    assert_eq!(sync.record_wave(Ok(())), Err(RecordError::NoWave));
    assert_eq!(sync.record(id, Outcome::done("")), Ok(()));
    assert_eq!(sync.record(id, Outcome::done("")), Err(RecordError::Unknown(id)), "its batch is over");
    let Next::Execute(batch) = sync.advance(&Rules) else { panic!("the dry run is followed by the write") };
    assert_eq!(batch.operations[0].id, OperationId { step: 1, batch: 1, index: 0 });
    assert_eq!(sync.advance(&Rules), Next::Execute(batch), "asking again changes nothing");
}

#[test]
fn results_of_cluster_scoped_objects_know_their_real_key() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}});
    let mut sync = SyncState::new(request(vec![Manifest::new(role).unwrap()]));
    let mut cluster = Cluster::default();
    let mut observation = cluster.observe();
    observation.kinds.serve(GroupVersionKind::parse("rbac.authorization.k8s.io/v1", "ClusterRole"), false);
    sync.observe(observation);
    loop {
        match sync.advance(&Rules) {
            Next::Execute(batch) => {
                for operation in batch.operations {
                    assert_eq!(operation.object.namespace, "");
                    sync.record(operation.id, Outcome::done("")).unwrap();
                }
            }
            Next::WaveApplied(_) => sync.record_wave(Ok(())).unwrap(),
            Next::Wait | Next::Done => break,
        }
    }
    let result = sync.results().next().unwrap();
    assert_eq!(result.key.namespace, "demo", "as in Argo CD");
    assert_eq!(result.api_key().namespace, "");
}
