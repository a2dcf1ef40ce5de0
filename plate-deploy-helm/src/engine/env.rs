//! Time, randomness and the work budget of one render.

use std::cell::{Cell, RefCell};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::value::{Env, FuncError};

/// Makes a render repeatable: the same input gives the same bytes, keys and passwords included.
#[derive(Clone, Debug)]
pub struct Deterministic {
    /// What `now` gives.
    pub now: Timestamp,
    /// Seeds all randomness.
    pub seed: u64,
}

/// The [`Env`] of one render.
pub(super) struct RenderEnv {
    now: Option<Timestamp>,
    time_zone: TimeZone,
    random: RefCell<StdRng>,
    budget: Cell<u64>,
    granted: u64,
}

impl RenderEnv {
    pub(super) fn new(deterministic: Option<&Deterministic>, time_zone: TimeZone, budget: u64) -> Self {
        let random = match deterministic {
            Some(fixed) => StdRng::seed_from_u64(fixed.seed),
            None => rand::make_rng(),
        };
        Self {
            now: deterministic.map(|fixed| fixed.now),
            time_zone,
            random: RefCell::new(random),
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
        self.random.borrow_mut().fill_bytes(buf);
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
