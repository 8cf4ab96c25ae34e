//! Specs that share a process: what their journal says while they run.

use super::Job;
use super::prepare::Prepared;
use crate::bounds;
use part_core::Millis;
use part_frameworks::report::Follower;
use std::io::SeekFrom;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::{Interval, MissedTickBehavior};

/// Looks out for a spec that takes longer than it may: the process's own limit is that of all of them together, which a
/// single one must not use up.
pub(super) struct Overtime {
    file: PathBuf,
    read: u64,
    follower: Follower,
    limits: Vec<Option<Millis>>,
    tick: Interval,
}

impl Overtime {
    pub(super) fn of(job: &Job, prepared: &Prepared) -> Overtime {
        let shared = !job.others.is_empty();
        let limit = |order: &part_core::AttemptOrder| order.timeout.or(order.recipe.timeout);
        let limits = if shared { job.orders().map(limit).collect() } else { Vec::new() };
        let mut tick = tokio::time::interval(bounds::JOURNAL_LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let specs = job.orders().map(|order| order.spec.as_ref().to_owned()).collect();
        Overtime { file: prepared.journal(), read: 0, follower: Follower::new(specs), limits, tick }
    }

    /// Waits until a spec has run for longer than it may, once; waits for ever when none has a limit, or nobody says
    /// what runs.
    pub(super) async fn passed(&mut self) {
        while self.limits.iter().any(Option::is_some) {
            self.tick.tick().await;
            // A journal that is not there yet, or cannot be read, says nothing.
            if let Ok(bytes) = self.more().await {
                self.follower.read(&bytes);
            }
            if self.has_passed(now_ms()) {
                self.limits.clear();
                return;
            }
        }
        std::future::pending().await
    }

    fn has_passed(&self, now_ms: u64) -> bool {
        let running = self.limits.iter().zip(self.follower.running_since());
        running
            .filter_map(|(limit, since)| limit.zip(*since))
            .any(|(limit, since)| now_ms.saturating_sub(since) >= limit.0)
    }

    async fn more(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.file).await?;
        file.seek(SeekFrom::Start(self.read)).await?;
        let mut bytes = Vec::new();
        self.read += file.take(bounds::JOURNAL_LOOK_BYTES).read_to_end(&mut bytes).await? as u64;
        Ok(bytes)
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
