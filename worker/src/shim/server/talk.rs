//! Conversations: who is the controller, and what it asks.

use std::time::Instant;

use super::run::{Kept, Server};
use crate::shim::attempt::{Attempt, Begun};
use crate::shim::error::ShimError;
use crate::shim::protocol::{
    Line, PROTOCOL, Request, Response, RunOrder, Started, StatusReport, StopCause, StopMode,
};
use crate::shim::wire::{Connection, Heard};

impl Server {
    /// Reads what new connections say; the one that says `hello` becomes the controller.
    pub(super) fn attend_pending(&mut self) {
        for (mut connection, until) in std::mem::take(&mut self.pending) {
            connection.receive();
            match connection.hear() {
                None => self.pending.push((connection, until)),
                Some(Heard::Request(Line { id, say: Request::Hello { oldest, newest } })) => {
                    self.welcome(connection, id, oldest, newest);
                }
                Some(Heard::Request(Line { id, .. }) | Heard::Nonsense { id, .. }) => {
                    connection.say(id, Response::Refused { reason: "say hello first".to_owned() });
                }
            }
        }
    }

    fn welcome(&mut self, mut connection: Connection, id: Option<u64>, oldest: u32, newest: u32) {
        if !(oldest..=newest).contains(&PROTOCOL) {
            let reason = format!("this shim speaks protocol {PROTOCOL}, the controller {oldest} to {newest}");
            connection.say(id, Response::Refused { reason });
            return;
        }
        connection.say(id, Response::Hello(self.info.clone()));
        if let Some(mut old) = self.controller.replace(connection) {
            old.say(None, Response::Replaced);
        }
        self.lifetime.controller_came();
        self.attend_controller();
    }

    /// Hears the controller out, and notices when it goes.
    pub(super) fn attend_controller(&mut self) {
        let Some(controller) = &mut self.controller else { return };
        controller.send();
        controller.receive();
        while let Some(heard) = self.controller.as_mut().and_then(Connection::hear) {
            let (id, answer) = match heard {
                Heard::Request(Line { id, say }) => (id, self.answer(id, say)),
                Heard::Nonsense { id, reason } => (id, Some(Response::Refused { reason })),
            };
            if let (Some(answer), Some(controller)) = (answer, &mut self.controller) {
                controller.say(id, answer);
            }
        }
        if self.controller.as_ref().is_some_and(|controller| !controller.is_open()) {
            self.controller = None;
            if self.lifetime.controller_went(Instant::now()) {
                self.stop_attempt(StopMode::Graceful, StopCause::OwnerGone);
            }
        }
    }

    /// Does what is asked. `None` when the answer has been given already.
    fn answer(&mut self, id: Option<u64>, request: Request) -> Option<Response> {
        Some(match request {
            Request::Hello { .. } => refused("hello was said before"),
            Request::Run(order) => return self.run_order(id, *order),
            Request::Stop { attempt, mode } => {
                let running = self.is_running(&attempt);
                if running {
                    self.stop_attempt(mode, StopCause::Asked);
                }
                Response::Stopping { attempt, running }
            }
            Request::Status => {
                if let Some(Kept { safe, .. }) = &mut self.last {
                    *safe = true;
                }
                Response::Status(Box::new(StatusReport {
                    running: self.attempt.as_ref().map(Attempt::status),
                    last: self.last.as_ref().map(|kept| kept.record.clone()),
                }))
            }
            Request::Tail { attempt, from, max_bytes } => match &self.attempt {
                Some(running) if running.order().attempt == attempt => match running.tail(from, max_bytes) {
                    Ok(chunk) => Response::Tail(chunk),
                    Err(error) => Response::Refused { reason: ShimError::chain(&error) },
                },
                Some(_) | None => Response::Refused { reason: format!("attempt {attempt} is not running") },
            },
            Request::Exit => match &self.attempt {
                Some(running) => {
                    let reason = format!("attempt {} is running", running.order().attempt);
                    Response::Refused { reason }
                }
                None => {
                    self.lifetime.leave();
                    Response::Leaving
                }
            },
        })
    }

    fn is_running(&self, attempt: &str) -> bool {
        self.attempt.as_ref().is_some_and(|running| running.order().attempt == attempt)
    }

    /// Whether processes of the last attempt are still there, which nobody could tell from the next one's.
    pub(super) fn haunted(&self) -> Option<String> {
        if self.last.as_ref().is_none_or(|kept| kept.record.survivors.is_empty()) {
            return None;
        }
        match self.kin.living() {
            Ok(left) if left.is_empty() => None,
            Ok(left) => Some(format!("{} processes of the last attempt cannot be killed", left.len())),
            Err(error) => Some(format!("looking for processes of the last attempt: {error}")),
        }
    }

    fn run_order(&mut self, id: Option<u64>, order: RunOrder) -> Option<Response> {
        if let Some(running) = &self.attempt {
            return Some(refused(&format!("attempt {} is running", running.order().attempt)));
        }
        if self.lifetime.is_leaving() {
            return Some(refused("this shim is leaving"));
        }
        if let Some(reason) = self.haunted() {
            return Some(Response::Refused { reason });
        }
        let (attempt, dir) = (order.attempt.clone(), order.attempt_dir.clone());
        match Attempt::begin(order, self.kin.tag()) {
            Ok(Begun::Running(running)) => {
                self.last = None;
                let started = Started { attempt, pid: Some(running.pid()), at_ms: running.started_at_ms() };
                self.attempt = Some(*running);
                Some(Response::Started(started))
            }
            Ok(Begun::Failed(record)) => {
                let started = Started { attempt, pid: None, at_ms: record.started_at_ms };
                if let Some(controller) = &mut self.controller {
                    controller.say(id, Response::Started(started));
                }
                self.conclude(*record, &dir);
                None
            }
            Err(reason) => Some(Response::Refused { reason }),
        }
    }
}

fn refused(reason: &str) -> Response {
    Response::Refused { reason: reason.to_owned() }
}
