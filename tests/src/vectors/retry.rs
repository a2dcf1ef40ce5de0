//! The group `retry`: waits before retries of a failed sync, and between self-heal syncs.

use plate_deploy_core::model::GoDuration;
use plate_deploy_core::model::application::RetryStrategy;
use plate_deploy_core::sync::retry::{SelfHealBackoff, next_retry_at};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, Outcome, same};

#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "camelCase")]
enum Input {
    #[serde(rename_all = "camelCase")]
    NextRetryAt { last_attempt: String, strategy: RetryStrategy },
    #[serde(rename_all = "camelCase")]
    SelfHealBackoff { initial: String, factor: f64, cap: String },
}

/// Runs one case: the answer to each retry or attempt that the case lists.
pub(super) fn run(case: &Case) -> Outcome {
    let input = Input::deserialize(&case.input).map_err(|e| e.to_string())?;
    let rows = case.expect.as_array().ok_or("the case lists no answers")?;
    let answers: Result<Vec<Value>, String> = rows.iter().map(|row| answer(&input, row)).collect();
    same("", &Value::Array(answers?), &case.expect)
}

fn answer(input: &Input, row: &Value) -> Result<Value, String> {
    let number = |field: &str| row[field].as_i64().ok_or_else(|| format!("{field} is no number"));
    match input {
        Input::NextRetryAt { last_attempt, strategy } => {
            let retry = number("retry")?;
            let last = last_attempt.parse().map_err(|e| format!("lastAttempt: {e}"))?;
            Ok(match (next_retry_at(strategy, last, retry), strategy.wait_before(retry)) {
                (Ok(at), Ok(wait)) => {
                    json!({"retry": retry, "at": at.to_string(), "waitNanoseconds": wait.nanoseconds()})
                }
                (Err(error), _) | (_, Err(error)) => json!({"retry": retry, "error": error.to_string()}),
            })
        }
        Input::SelfHealBackoff { initial, factor, cap } => {
            let duration = |text: &str| text.parse::<GoDuration>().map_err(|e| e.to_string());
            let backoff = SelfHealBackoff { initial: duration(initial)?, factor: *factor, cap: duration(cap)? };
            let attempts = number("attempts")?;
            Ok(json!({"attempts": attempts, "waitNanoseconds": backoff.after(attempts).nanoseconds()}))
        }
    }
}
