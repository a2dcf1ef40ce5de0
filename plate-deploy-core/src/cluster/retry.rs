//! When a failed request is sent again.

use std::time::Duration;

/// How often a request is sent in all.
const ATTEMPTS: u32 = 5;
/// First wait between two attempts; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// A server that asks for a longer wait than this is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The attempts of one request.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// How long to wait before the next attempt: as long as the server asked, or a doubling wait of which a random half
    /// is left out, so that many clients do not come back at the same moment. `None`: give up.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.0 += 1;
        if self.0 >= ATTEMPTS || asked.is_some_and(|wait| wait > LONGEST_WAIT) {
            return None;
        }
        let full = FIRST_WAIT * (1 << (self.0 - 1).min(6));
        // Without randomness all clients wait the same time, which is no reason to fail.
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        Some(asked.unwrap_or_else(|| full.mul_f64(0.5 + random / 2.0)))
    }
}

/// `Retry-After` in seconds.
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_with_jitter_and_end() {
        let mut attempts = Attempts::default();
        let waits: Vec<Duration> = std::iter::from_fn(|| attempts.next(None)).collect();
        assert_eq!(waits.len(), 4);
        for (i, wait) in waits.iter().enumerate() {
            let full = FIRST_WAIT * (1 << i);
            assert!(*wait >= full / 2 && *wait <= full, "{i}: {wait:?}");
        }
        assert_eq!(Attempts::default().next(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(Attempts::default().next(Some(Duration::from_secs(3600))), None);
    }
}
