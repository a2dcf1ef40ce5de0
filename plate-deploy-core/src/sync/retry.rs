//! When a failed sync is tried again, and how long self-heal waits between its syncs.

use jiff::{SignedDuration, Timestamp};

use crate::model::application::RetryStrategy;
use crate::model::{DurationError, GoDuration, OperationPhase};

/// What becomes of an operation whose sync has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterSync {
    /// It is over, with this message.
    Over {
        /// Phase.
        phase: OperationPhase,
        /// Message.
        message: String,
    },
    /// It is tried again: with the same request, without results.
    Retry {
        /// When.
        at: Timestamp,
        /// Number of the retry, from 1.
        attempt: i64,
        /// Message for the time in between.
        message: String,
    },
}

/// Decides what becomes of an operation (Argo CD's `processRequestedAppOperation`): a failed one that was not terminated
/// is tried again as often as its strategy says. `retries` is how often that happened.
#[must_use]
pub fn after_sync(
    strategy: &RetryStrategy,
    phase: OperationPhase,
    message: &str,
    terminated: bool,
    retries: i64,
    now: Timestamp,
) -> AfterSync {
    let failed = matches!(phase, OperationPhase::Failed | OperationPhase::Error);
    let over = |phase, message| AfterSync::Over { phase, message };
    if !failed {
        return over(phase, message.to_owned());
    }
    if terminated || (strategy.limit >= 0 && retries >= strategy.limit) {
        let message = if retries > 0 { format!("{message} (retried {retries} times).") } else { message.to_owned() };
        return over(phase, message);
    }
    match next_retry_at(strategy, now, retries) {
        Ok(at) => {
            let attempt = retries.saturating_add(1);
            let shown = at.strftime("%Y-%m-%dT%H:%M:%SZ");
            AfterSync::Retry { at, attempt, message: format!("{message}. Retrying attempt #{attempt} at {shown}.") }
        }
        Err(error) => over(OperationPhase::Error, format!("{message} (failed to retry: {error})")),
    }
}

/// When retry `retry` (0 for the first) of an attempt that ended at `last_attempt` is due. A factor below zero can put it
/// before the attempt, as in Argo CD. Times beyond what a timestamp holds end at its bounds.
///
/// # Errors
/// When one of the strategy's durations cannot be parsed.
pub fn next_retry_at(
    strategy: &RetryStrategy,
    last_attempt: Timestamp,
    retry: i64,
) -> Result<Timestamp, DurationError> {
    let wait = strategy.wait_before(retry)?;
    Ok(last_attempt.saturating_add(SignedDuration::from_nanos(wait.nanoseconds())).unwrap_or(last_attempt))
}

/// The controller's wait between self-heal syncs of one revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SelfHealWait {
    /// Always the same (`controller.self.heal.timeout.seconds`).
    Fixed(GoDuration),
    /// Growing with every attempt (`controller.self.heal.backoff.*`).
    Backoff(SelfHealBackoff),
}

impl SelfHealWait {
    /// The wait after so many attempts.
    #[must_use]
    pub fn after(&self, attempts: i64) -> GoDuration {
        match self {
            Self::Fixed(wait) => *wait,
            Self::Backoff(backoff) => backoff.after(attempts),
        }
    }

    /// The fixed wait, zero for a back-off: Argo CD's logs name only this one.
    #[must_use]
    pub fn fixed(&self) -> GoDuration {
        match self {
            Self::Fixed(wait) => *wait,
            Self::Backoff(_) => GoDuration::default(),
        }
    }
}

impl Default for SelfHealWait {
    /// Argo CD's default: 2 s, times 3, at most 5 min.
    fn default() -> Self {
        Self::Backoff(SelfHealBackoff {
            initial: GoDuration::from_seconds(2),
            factor: 3.0,
            cap: GoDuration::from_seconds(300),
        })
    }
}

/// A growing wait (apimachinery's `wait.Backoff` without jitter).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfHealBackoff {
    /// The first wait; `cap` does not bound it.
    pub initial: GoDuration,
    /// Growth; 0: none.
    pub factor: f64,
    /// Longest of the later waits; 0: no bound.
    pub cap: GoDuration,
}

impl SelfHealBackoff {
    /// The wait after so many attempts: none after none.
    #[must_use]
    pub fn after(&self, attempts: i64) -> GoDuration {
        if attempts < 1 {
            return GoDuration::default();
        }
        let mut wait = self.initial;
        for _ in 1..attempts {
            let next = self.grow(wait);
            if self.cap > GoDuration::default() && next > self.cap {
                return self.cap;
            }
            if next == wait {
                break;
            }
            wait = next;
        }
        wait
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Go computes in float64, too")]
    fn grow(&self, wait: GoDuration) -> GoDuration {
        if self.factor == 0.0 {
            return wait;
        }
        GoDuration::from_nanoseconds((wait.nanoseconds() as f64 * self.factor) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_is_tried_again_until_the_limit() {
        let strategy = RetryStrategy { limit: 2, ..RetryStrategy::default() };
        let now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let ask = |phase, terminated, retries| after_sync(&strategy, phase, "no luck", terminated, retries, now);
        let failed = OperationPhase::Failed;
        let AfterSync::Retry { at, attempt, message } = ask(failed, false, 1) else { unreachable!("a retry is left") };
        assert_eq!((at.to_string().as_str(), attempt), ("2024-01-01T00:00:10Z", 2));
        assert_eq!(message, "no luck. Retrying attempt #2 at 2024-01-01T00:00:10Z.");
        let over = |message: &str| AfterSync::Over { phase: failed, message: message.into() };
        assert_eq!(ask(failed, false, 2), over("no luck (retried 2 times)."));
        assert_eq!(ask(failed, true, 0), over("no luck"), "a terminated sync is not tried again");
        assert!(matches!(ask(OperationPhase::Succeeded, false, 0), AfterSync::Over { .. }));
    }
}
