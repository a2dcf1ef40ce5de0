//! The order between Applications: sync waves, and `depends-on`.
//!
//! An Application names those it needs in the annotation `plate-deploy.dev/depends-on` (separated by commas) or in
//! `plate-deploy.yaml` (`applications.NAME.dependsOn`). It starts when they are Synced and Healthy; why it does not is
//! always told with the whole path. Argo CD has no such order (argo-cd#7437 and kin); without the annotation nothing
//! changes.

use std::collections::{BTreeMap, BTreeSet};

use super::Target;
use crate::model::annotations;

/// How an Application stands, for those that wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not been dealt with yet, or is being dealt with.
    Pending(String),
    /// Its sync is over, whatever came of it; its health is waited for. Later waves go on, as with Argo CD, whose waves
    /// of Applications wait for nothing but the Application objects.
    Synced(String),
    /// It is as wanted.
    Ready,
    /// It has ended, but is not as wanted: why.
    NotReady(String),
}

/// Whom each Application waits for, by position.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    names: Vec<String>,
    waves: Vec<i64>,
    needs: Vec<Vec<usize>>,
    /// Circles of `depends-on`, each closed: `a → b → a`.
    circles: BTreeMap<usize, String>,
}

impl Order {
    /// Reads the order of some Applications. Needs of Applications that are not among them are left out.
    pub(super) fn of(targets: &[Target]) -> Self {
        let names: Vec<String> = targets.iter().map(|target| target.name().to_owned()).collect();
        let index: BTreeMap<&str, usize> = names.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect();
        let needs =
            targets.iter().map(|target| depends_on(target).filter_map(|name| index.get(name).copied()).collect());
        let needs: Vec<Vec<usize>> = needs.collect();
        let waves = targets.iter().map(wave).collect();
        let mut order = Self { waves, needs, circles: BTreeMap::new(), names: names.clone() };
        for n in 0..order.names.len() {
            if let Some(circle) = order.circle_of(n) {
                order.circles.insert(n, circle);
            }
        }
        order
    }

    /// The circle that an Application is part of.
    pub(super) fn circle(&self, n: usize) -> Option<&str> {
        self.circles.get(&n).map(String::as_str)
    }

    /// Whether an Application may start: earlier waves have ended, and those it needs are ready.
    pub(super) fn may_start(&self, n: usize, standing: &[Standing]) -> bool {
        let wave = self.waves.get(n).copied().unwrap_or_default();
        let earlier = self.waves.iter().zip(standing).filter(|(other, _)| **other < wave);
        let waves_over = earlier.map(|(_, standing)| standing).all(|s| !matches!(s, Standing::Pending(_)));
        waves_over && self.needs(n).all(|need| standing.get(need) == Some(&Standing::Ready))
    }

    /// Whether an Application can never start: one it needs has ended otherwise, or is in a circle.
    pub(super) fn is_blocked(&self, n: usize, standing: &[Standing]) -> bool {
        let bad = |need: usize| matches!(standing.get(need), Some(Standing::NotReady(_)));
        self.circles.contains_key(&n) || self.needs(n).any(bad)
    }

    /// Why an Application has not started, all the way down: `web waits for api, which waits for db (Degraded: …)`.
    pub(super) fn path(&self, n: usize, standing: &[Standing]) -> String {
        if let Some(circle) = self.circle(n) {
            return format!("depends-on runs in a circle: {circle}");
        }
        let mut text = self.name(n).to_owned();
        let (mut at, mut seen) = (n, BTreeSet::from([n]));
        loop {
            let waits = |need: &usize| standing.get(*need) != Some(&Standing::Ready);
            let Some(next) = self.needs(at).find(waits) else { break };
            text.push_str(if at == n { " waits for " } else { ", which waits for " });
            text.push_str(self.name(next));
            if !seen.insert(next) || self.needs(next).all(|need| !waits(&need)) {
                if let Some(Standing::Pending(why) | Standing::Synced(why) | Standing::NotReady(why)) =
                    standing.get(next)
                {
                    text.push_str(&format!(" ({why})"));
                }
                break;
            }
            at = next;
        }
        if at == n && seen.len() == 1 {
            let wave = self.waves.get(n).copied().unwrap_or_default();
            let earlier = self.waves.iter().zip(standing).zip(&self.names);
            let open =
                earlier.filter(|((w, s), _)| **w < wave && matches!(s, Standing::Pending(_))).map(|(_, name)| name);
            let open: Vec<&str> = open.map(String::as_str).collect();
            text.push_str(&format!(" (wave {wave}) waits for earlier waves: {}", open.join(", ")));
        }
        text
    }

    fn needs(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.needs.get(n).into_iter().flatten().copied()
    }

    fn name(&self, n: usize) -> &str {
        self.names.get(n).map_or("", String::as_str)
    }

    /// A way from an Application back to itself.
    fn circle_of(&self, start: usize) -> Option<String> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            for need in self.needs(at) {
                if need == start {
                    let mut path = vec![self.name(start), self.name(at)];
                    let mut step = at;
                    while let Some(&before) = came_from.get(&step).filter(|_| step != start) {
                        path.push(self.name(before));
                        step = before;
                    }
                    path.reverse();
                    return Some(path.join(" → "));
                }
                if !came_from.contains_key(&need) {
                    came_from.insert(need, at);
                    open.push(need);
                }
            }
        }
        None
    }
}

/// The Applications that one needs.
pub(super) fn depends_on(target: &Target) -> impl Iterator<Item = &str> {
    let list = target.application.metadata.annotations.get(annotations::DEPENDS_ON);
    list.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

/// The sync wave of an Application among its siblings.
pub(super) fn wave(target: &Target) -> i64 {
    let annotation = target.application.metadata.annotations.get(annotations::SYNC_WAVE);
    annotation.and_then(|wave| wave.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Application;
    use crate::render::Rendered;

    fn order(applications: &[(&str, &str, &str)]) -> Order {
        let targets: Vec<Target> = applications
            .iter()
            .map(|(name, wave, needs)| {
                let mut application = Application::default();
                application.metadata.name = (*name).into();
                for (key, value) in [(annotations::SYNC_WAVE, wave), (annotations::DEPENDS_ON, needs)] {
                    if !value.is_empty() {
                        application.metadata.annotations.insert(key.into(), (*value).into());
                    }
                }
                Target { application, rendered: Rendered::default(), revision: String::new() }
            })
            .collect();
        Order::of(&targets)
    }

    fn pending(n: usize) -> Vec<Standing> {
        vec![Standing::Pending("not started".into()); n]
    }

    #[test]
    fn an_application_starts_when_all_it_needs_is_ready() {
        let order = order(&[("web", "", "api, cache"), ("api", "", "db"), ("db", "", ""), ("cache", "", "")]);
        let mut standing = pending(4);
        let may = |standing: &[Standing]| (0..4).filter(|n| order.may_start(*n, standing)).collect::<Vec<_>>();
        assert_eq!(may(&standing), [2, 3]);
        standing[2] = Standing::Synced("Progressing".into());
        assert_eq!(may(&standing), [2, 3], "applied is not ready");
        standing[2] = Standing::Ready;
        assert_eq!(may(&standing), [1, 2, 3]);
        standing[3] = Standing::NotReady("Degraded".into());
        standing[1] = Standing::Ready;
        assert!(!order.may_start(0, &standing) && order.is_blocked(0, &standing));
        assert_eq!(order.path(0, &standing), "web waits for cache (Degraded)");
    }

    #[test]
    fn the_whole_path_is_told() {
        let order = order(&[("web", "", "api"), ("api", "", "db"), ("db", "", "")]);
        let mut standing = pending(3);
        standing[2] = Standing::NotReady("Progressing: 0 of 1 ready".into());
        assert_eq!(order.path(0, &standing), "web waits for api, which waits for db (Progressing: 0 of 1 ready)");
    }

    #[test]
    fn circles_are_found_with_their_path_and_hold_up_no_others() {
        let order =
            order(&[("a", "", "b"), ("b", "", "c"), ("c", "", "a"), ("d", "", "a"), ("e", "", "e"), ("f", "", "")]);
        assert_eq!(order.circle(0), Some("a → b → c → a"));
        assert_eq!(order.circle(4), Some("e → e"));
        assert_eq!(order.circle(3), None, "d only waits for the circle");
        assert!(order.may_start(5, &pending(6)));
    }

    #[test]
    fn waves_wait_for_the_end_of_earlier_ones_not_for_their_health() {
        let order = order(&[("first", "-1", ""), ("second", "", "")]);
        let mut standing = pending(2);
        assert!(!order.may_start(1, &standing));
        assert_eq!(order.path(1, &standing), "second (wave 0) waits for earlier waves: first");
        for over in [Standing::Synced("Progressing".into()), Standing::NotReady("Degraded".into())] {
            standing[0] = over;
            assert!(order.may_start(1, &standing));
        }
    }
}
