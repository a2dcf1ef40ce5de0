//! The lock on the embedded API, with time standing still where it matters.

use super::*;
use crate::clock::{FixedClock, SystemClock};
use crate::cluster::{EmbeddedCluster, EmbeddedOptions, Propagation};

async fn cluster() -> Arc<dyn ClusterBackend> {
    Arc::new(EmbeddedCluster::start(EmbeddedOptions::default()).await.unwrap())
}

fn lock(cluster: &Arc<dyn ClusterBackend>, duration: Duration) -> DeployLock {
    let settings = LockSettings { duration, ..LockSettings::default() };
    DeployLock::new(Arc::clone(cluster), Arc::new(SystemClock), settings)
}

fn request(run: &str) -> LockRequest {
    LockRequest {
        environment: "staging".into(),
        run: run.into(),
        who: format!("who-{run}"),
        what: "deploy staging".into(),
        ..LockRequest::default()
    }
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_the_second_learns_who() {
    let cluster = cluster().await;
    let lock = lock(&cluster, LONG);
    let first = lock.acquire(&request("a"), |_| {}).await.unwrap();
    let refused = lock.acquire(&request("b"), |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("who-a") && refused.contains("deploy staging"), "{refused}");
    // Another environment is another lock.
    let production = LockRequest { environment: "production".into(), ..request("b") };
    lock.acquire(&production, |_| {}).await.unwrap().release().await.unwrap();
    first.release().await.unwrap();
    let second = lock.acquire(&request("b"), |_| {}).await.unwrap();
    second.check().unwrap();
    assert_eq!(lock.read("staging").await.unwrap().unwrap().transitions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_gets_it() {
    let cluster = cluster().await;
    let lock = lock(&cluster, LONG);
    let tries = (0..16).map(|n| {
        let lock = lock.clone();
        tokio::spawn(async move { lock.acquire(&request(&n.to_string()), |_| {}).await.ok() })
    });
    let won: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(won.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_is_waited_out_a_living_one_is_not() {
    let cluster = cluster().await;
    let lock = lock(&cluster, Duration::from_secs(1));
    let living = lock.acquire(&request("living"), |_| {}).await.unwrap();
    let waiting = LockRequest { timeout: Duration::from_millis(2500), ..request("b") };
    let start = std::time::Instant::now();
    assert!(matches!(lock.acquire(&waiting, |_| {}).await, Err(LockError::Held { .. })));
    assert!(start.elapsed() >= Duration::from_millis(2400));
    living.check().unwrap();
    drop(living); // As if killed: no release.
    let told = std::sync::atomic::AtomicUsize::new(0);
    let patient = LockRequest { timeout: Duration::from_secs(20), ..request("b") };
    let tell = |_: &LockError| {
        told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let held = lock.acquire(&patient, tell).await.unwrap();
    held.check().unwrap();
    assert_eq!(told.into_inner(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_and_dead_runs_of_ours_do_not_wait() {
    let cluster = cluster().await;
    let lock = lock(&cluster, LONG);
    drop(lock.acquire(&request("killed"), |_| {}).await.unwrap());
    drop(lock.acquire(&request("killed"), |_| {}).await.unwrap());
    let next = LockRequest { dead_runs: ["killed".to_owned()].into(), ..request("next") };
    lock.acquire(&next, |_| {}).await.unwrap().check().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn breaking_is_recorded_and_the_former_holder_notices() {
    let cluster = cluster().await;
    let lock = lock(&cluster, Duration::from_secs(1));
    let first = lock.acquire(&request("a"), |_| {}).await.unwrap();
    let force = LockRequest { break_reason: Some("a is on holiday".into()), ..request("b") };
    let second = lock.acquire(&force, |_| {}).await.unwrap();
    let lease = lock.read("staging").await.unwrap().unwrap();
    assert!(lease.broken.contains("who-b took it from who-a") && lease.broken.contains("on holiday"), "{lease:?}");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(matches!(first.check(), Err(LockError::Lost { .. })));
    assert!(first.set_hold(None).await.is_err());
    // The loser's release leaves the winner's lock alone.
    first.release().await.unwrap();
    second.check().unwrap();
    assert_eq!(lock.read("staging").await.unwrap().unwrap().run, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_takes_nothing_from_nobody() {
    let cluster = cluster().await;
    let first = lock(&cluster, LONG).acquire(&request("a"), |_| {}).await.unwrap();
    for second in [0, 4_102_444_800] {
        let clock = Arc::new(FixedClock(Timestamp::from_second(second).unwrap()));
        let other = DeployLock::new(Arc::clone(&cluster), clock, LockSettings::default());
        let patient = LockRequest { timeout: Duration::from_millis(200), ..request("b") };
        assert!(matches!(other.acquire(&patient, |_| {}).await, Err(LockError::Held { .. })), "the year {second}");
    }
    first.check().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_outlives_the_lock() {
    let cluster = cluster().await;
    let lock = lock(&cluster, LONG);
    let held = lock.acquire(&request("a"), |_| {}).await.unwrap();
    let hold =
        Hold { who: "kim".into(), why: "1.5 leaks".into(), since: Timestamp::UNIX_EPOCH, revision: "abc".into() };
    held.set_hold(Some(hold.clone())).await.unwrap();
    held.release().await.unwrap();
    let again = lock.acquire(&request("b"), |_| {}).await.unwrap();
    assert_eq!(lock.read("staging").await.unwrap().unwrap().hold, Some(hold));
    // A Lease that somebody deletes under us is lost, not made anew behind their back.
    cluster.delete(&lock.at("staging"), Propagation::Background, &WriteOptions::default()).await.unwrap();
    assert!(matches!(again.set_hold(None).await, Err(LockError::Lost { .. })));
}
