//! Time, randomness and the work budget of one render.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::value::{Env, FuncError};

/// Makes a render repeatable: the same input gives the same bytes, keys and passwords included.
#[derive(Clone)]
pub struct Deterministic {
    /// What `now` gives.
    pub now: Timestamp,
    /// Seeds all randomness. Passwords and keys come from it: keep it as secret as they are.
    pub seed: [u8; 32],
}

impl fmt::Debug for Deterministic {
    /// Without the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deterministic").field("now", &self.now).finish_non_exhaustive()
    }
}

/// The [`Env`] of one render.
pub(super) struct RenderEnv {
    now: Option<Timestamp>,
    time_zone: TimeZone,
    seed: Option<[u8; 32]>,
    /// Made when it is first wanted: most charts want none.
    random: OnceCell<RefCell<StdRng>>,
    budget: Cell<u64>,
    granted: u64,
}

impl RenderEnv {
    pub(super) fn new(deterministic: Option<&Deterministic>, time_zone: TimeZone, budget: u64) -> Self {
        Self {
            now: deterministic.map(|fixed| fixed.now),
            time_zone,
            seed: deterministic.map(|fixed| fixed.seed),
            random: OnceCell::new(),
            budget: Cell::new(budget),
            granted: budget,
        }
    }
}

impl Env for RenderEnv {
    fn now(&self) -> Zoned {
        self.now.unwrap_or_else(Timestamp::now).to_zoned(self.time_zone.clone())
    }

    fn random(&self, buf: &mut [u8]) {
        let made = self.random.get_or_init(|| self.seed.map_or_else(rand::make_rng, StdRng::from_seed).into());
        made.borrow_mut().fill_bytes(buf);
    }

    fn charge(&self, bytes: u64) -> Result<(), FuncError> {
        match self.budget.get().checked_sub(bytes) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => {
                self.budget.set(0);
                let granted = self.granted;
                Err(FuncError::Limit(format!("the render's functions made more than {granted} bytes")))
            }
        }
    }
}
