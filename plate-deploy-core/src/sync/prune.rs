//! Rules about deleting what left Git: who asks for confirmation, who is kept.

use crate::model::Manifest;

use super::annotation::option_value;
use super::run::Run;
use super::task::Task;

impl Run<'_> {
    /// Value of the `Prune` option in effect: the live object's own, else the application's.
    fn prune_option<'a>(&'a self, live: Option<&'a Manifest>) -> Option<&'a str> {
        live.and_then(|live| option_value(live, "Prune")).or(self.settings.default_prune.as_deref())
    }

    /// Whether the task waits for a person's approval. It does even where the operation does not prune at all.
    pub(super) fn awaits_confirmation(&self, task: &Task) -> bool {
        !self.prune_confirmed && task.is_prune() && self.prune_option(task.live.as_deref()) == Some("confirm")
    }

    /// Whether an option keeps the object.
    pub(super) fn keeps(&self, task: &Task) -> bool {
        self.prune_option(task.live.as_deref()) == Some("false")
    }

    /// The refusal, when this sync would delete more objects than [`Behaviour::max_prunes`](super::Behaviour) allows.
    pub(super) fn too_many_prunes(&self) -> Option<String> {
        let limit = self.request.behaviour.max_prunes?;
        let doomed =
            self.tasks.iter().filter(|task| self.settings.prune && task.is_prune() && !self.keeps(task)).count();
        (u32::try_from(doomed).unwrap_or(u32::MAX) > limit)
            .then(|| format!("refused: the sync would prune {doomed} objects, more than max_prunes allows ({limit})"))
    }
}
