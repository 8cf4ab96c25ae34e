//! The long-running tasks that a process is made of: none may end unnoticed.

use crate::{DaemonError, bounds};
use tokio::task::JoinHandle;

/// Waits for the end of a task; an error when it panicked. Once that was told, waits for ever.
pub(crate) async fn ended<T>(part: &'static str, task: &mut Option<JoinHandle<T>>) -> Result<T, DaemonError> {
    let Some(handle) = task else { return std::future::pending().await };
    let ended = handle.await;
    *task = None;
    ended.map_err(|error| DaemonError::Panicked { part, what: error.to_string() })
}

/// Waits for a task that was told to end, for as long as any of them may take.
pub(crate) async fn settle<T>(part: &'static str, task: Option<JoinHandle<T>>) {
    let Some(task) = task else { return };
    let abort = task.abort_handle();
    match tokio::time::timeout(bounds::SETTLE, task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(part, %error, "failed unexpectedly"),
        Err(_) => {
            tracing::warn!(part, "did not end in time");
            abort.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_is_told_once_and_may_be_waited_for_again() {
        let mut task = Some(tokio::spawn(async { panic!("on purpose") }));
        let error = ended::<()>("a part", &mut task).await.expect_err("it panicked");
        assert!(error.to_string().contains("on purpose"), "{error}");
        let again =
            tokio::time::timeout(std::time::Duration::from_millis(20), ended("a part", &mut task)).await;
        assert!(again.is_err(), "told already");
        settle("a part", task).await;
    }
}
