//! Watches on the daemons' side: a run's events from the store, page by page.
//!
//! As in `daemon/src/watch.rs`.

use super::World;
use super::daemon::Purpose;
use super::event::{Answer, Body, Event, Node, Proc, StoreAsk};
use super::mutant::Mutant;
use part_core::{Millis, Record, RunId};

/// How often a watcher looks into the store.
const LOOK: Millis = Millis(1_000);

/// One watcher's place in a run.
pub(super) struct Watcher {
    client: usize,
    run: RunId,
    after: u64,
    /// Pages that were sent.
    pages: u64,
}

impl World {
    pub(super) fn watched(&mut self, host: usize, client: usize, watch: u64, run: RunId, after: u64) {
        let proc = self.proc(host);
        let after = match self.mutant {
            Some(Mutant::ForgetsCursors) if after > 0 => self.store.ledger.last_number(run),
            Some(_) | None => after,
        };
        let watcher = Watcher { client, run, after, pages: 0 };
        self.daemon_state(proc, |daemon| {
            daemon.watches.insert(watch, watcher);
        });
        self.watch_looks(proc, watch);
    }

    pub(super) fn watch_looks(&mut self, proc: Proc, watch: u64) {
        let Some(watcher) = self.daemon(proc).and_then(|daemon| daemon.watches.get(&watch)) else { return };
        let (run, after) = (watcher.run, watcher.after);
        self.ask_store(proc, StoreAsk::Page { run, after }, Purpose::Page { watch });
    }

    /// A page for a watcher, or news that there is none: then its stream ends and the client comes again.
    pub(super) fn paged(&mut self, proc: Proc, watch: u64, answer: Option<Answer>) {
        let Some(daemon) = self.daemon(proc) else { return };
        let Some(Answer::Page(entries)) = answer else {
            daemon.watches.remove(&watch);
            return;
        };
        let Some(watcher) = daemon.watches.get_mut(&watch) else { return };
        let (client, page) = (watcher.client, watcher.pages);
        let over = entries.iter().any(|entry| matches!(entry.record, Record::RunFinished { .. }));
        if let Some(last) = entries.last() {
            watcher.after = last.number;
        }
        watcher.pages += 1;
        if over {
            daemon.watches.remove(&watch);
        } else {
            let next = self.mono(proc.host) + LOOK;
            let at = self.when(proc.host, next);
            self.schedule(at, Event::WatchLooks(proc, watch));
        }
        self.post(Node::Host(proc.host), Node::Client(client), Body::Events { watch, page, entries });
    }
}
