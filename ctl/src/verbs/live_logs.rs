//! `partctl logs --follow`: what one spec writes while it runs.

use super::logs::{Head, Pieces, wanted};
use crate::error::CliError;
use crate::mesh::{Clients, fetch_from, is_passing};
use crate::out::Out;
use crate::text::clean;
use crate::view::{AttemptView, Keep, RunView};
use part_core::Output;
use part_proto::v1::{Event, FollowOutputRequest, RunInfo, WatchRequest};
use std::time::Duration;
use tonic::{Code, Status, Streaming};

/// Before a broken connection is opened again.
const PAUSE: Duration = Duration::from_millis(500);
/// Connections in a row that may break before nobody is waited for any more.
const PATIENCE: u32 = 60;

/// A run's ledger as it grows.
struct Ledger<'c> {
    clients: &'c Clients,
    run: String,
    view: RunView,
    events: Option<Streaming<Event>>,
    cursor: u64,
    failures: u32,
}

/// Follows a spec until it is decided.
pub(super) async fn follow(
    out: &mut Out,
    clients: &Clients,
    info: &RunInfo,
    text: &str,
) -> Result<(), CliError> {
    let mut ledger = Ledger {
        clients,
        run: info.run.clone(),
        view: RunView::new(Keep::Everything),
        events: None,
        cursor: 0,
        failures: 0,
    };
    // The specs are in the ledger before the first attempt.
    while ledger.view.specs.is_empty() || ledger.cursor < info.last_number {
        if !ledger.next().await? {
            break;
        }
    }
    let spec = the_one(&ledger.view, text)?;
    let (mut done, mut received) = (0, 0);
    loop {
        let attempts = &ledger.view.specs[spec].attempts;
        let Some(attempt) = attempts.iter().find(|attempt| attempt.number > done) else {
            if ledger.view.specs[spec].verdict.is_some() || !ledger.next().await? {
                return Ok(());
            }
            continue;
        };
        let number = attempt.number;
        if number > 1 && received == 0 {
            out.talk(&format!("attempt {number}\n"));
        }
        match attempt.ended.is_some() {
            true => {
                rest(out, &ledger, spec, number, received).await?;
                (done, received) = (number, 0);
            }
            false => {
                received = live(out, &ledger, spec, number, received).await?;
                // The end is in the ledger soon; what was missed live is read from what was kept.
                ledger.until_ended(spec, number).await?;
            }
        }
        if out.reader_gone() {
            return Ok(());
        }
    }
}

/// The spec that is meant; following several at once would mix their words.
fn the_one(view: &RunView, text: &str) -> Result<usize, CliError> {
    let found = wanted(view, Some(text))?;
    if let [spec] = found.as_slice() {
        let place = view.specs.iter().position(|other| std::ptr::eq(other, *spec));
        return place.ok_or_else(|| CliError::usage(format!("no spec {text:?}")));
    }
    let names: Vec<&str> = found.iter().take(5).map(|spec| spec.name.as_str()).collect();
    Err(CliError::usage(format!(
        "{} specs have {text:?} in their names; only one can be followed",
        found.len()
    ))
    .hint(format!("name one in full: {}", names.join(", "))))
}

/// Shows a running attempt from the `received`-th byte on; gives how many bytes were shown or passed over in all.
async fn live(
    out: &mut Out,
    ledger: &Ledger<'_>,
    spec: usize,
    number: u32,
    received: u64,
) -> Result<u64, CliError> {
    let request = FollowOutputRequest { run: ledger.run.clone(), spec: spec as u32, attempt: number };
    let mut chunks = match ledger.clients.runs().follow_output(request).await {
        Ok(chunks) => chunks.into_inner(),
        Err(status) if status.code() == Code::NotFound || is_passing(status.code()) => return Ok(received),
        Err(status) => return Err(ledger.clients.error("follow the output", &status)),
    };
    let Some(attempt) = ledger.view.specs[spec].attempt(number) else { return Ok(received) };
    let head = Head { view: &ledger.view, spec: &ledger.view.specs[spec], attempt, shown: false };
    let mut pieces = Pieces::new(out, &head);
    let mut at = 0;
    while let Ok(Some(chunk)) = chunks.message().await {
        at += chunk.dropped;
        // A look begins at the attempt's beginning; what an earlier look has shown is not shown again.
        let known = usize::try_from(received.saturating_sub(at)).unwrap_or(usize::MAX).min(chunk.data.len());
        at += chunk.data.len() as u64;
        if !pieces.take(&chunk.data[known..]) {
            break;
        }
    }
    pieces.flush();
    Ok(at.max(received))
}

/// Shows what is left of an attempt that ended.
async fn rest(
    out: &mut Out,
    ledger: &Ledger<'_>,
    spec: usize,
    number: u32,
    received: u64,
) -> Result<(), CliError> {
    let view = &ledger.view;
    let Some(attempt) = view.specs[spec].attempt(number) else { return Ok(()) };
    let Some(Output { inline, blob, dropped_bytes, .. }) = attempt.finish().map(|finish| &finish.output)
    else {
        return Ok(());
    };
    let head = Head { view, spec: &view.specs[spec], attempt, shown: false };
    // Where bytes were cut out of the middle the places do not match any more; then what was live is all there is.
    let from = if *dropped_bytes > 0 && received > 0 { return Ok(()) } else { received };
    let mut pieces = Pieces::new(out, &head);
    if let Some(text) = inline {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
        pieces.take(&text.as_bytes()[from..]);
    } else if let Some(digest) = blob {
        let name = clean::line(&head.spec.name, crate::text::Palette::PLAIN.into());
        let fetched = fetch_from(ledger.clients, digest, from, |data| Ok(pieces.take(data))).await;
        fetched.map_err(|error| super::logs::unreadable(&name, error))?;
    }
    pieces.end();
    Ok(())
}

impl Ledger<'_> {
    /// Takes the next event; false when the run is finished and everything is read.
    async fn next(&mut self) -> Result<bool, CliError> {
        loop {
            let event = match &mut self.events {
                Some(events) => events.message().await,
                None => {
                    let request = WatchRequest { run: self.run.clone(), after: self.cursor };
                    match self.clients.runs().watch(request).await {
                        Ok(events) => {
                            self.events = Some(events.into_inner());
                            continue;
                        }
                        Err(status) => Err(status),
                    }
                }
            };
            match event {
                Ok(Some(event)) => {
                    (self.cursor, self.failures) = (event.number, 0);
                    self.view.apply(event).map_err(|error| {
                        CliError::mesh("the daemon's account of the run makes no sense").because(error)
                    })?;
                    return Ok(true);
                }
                Ok(None) => return Ok(false),
                Err(status) => self.broke(&status).await?,
            }
        }
    }

    async fn broke(&mut self, status: &Status) -> Result<(), CliError> {
        self.failures += 1;
        if !is_passing(status.code()) || self.failures > PATIENCE {
            return Err(self.clients.error("follow the run", status));
        }
        self.events = None;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// Reads on until the attempt has ended, or looks again when it goes on under another leader.
    async fn until_ended(&mut self, spec: usize, number: u32) -> Result<(), CliError> {
        let ended =
            |view: &RunView| view.specs[spec].attempt(number).is_none_or(|a: &AttemptView| a.ended.is_some());
        while !ended(&self.view) {
            match tokio::time::timeout(2 * PAUSE, self.next()).await {
                Ok(more) => {
                    if !more? {
                        return Ok(());
                    }
                }
                // Still running: the look at it broke, another one follows.
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}
