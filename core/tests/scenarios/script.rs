//! The language of scenarios.
//!
//! | Command | Meaning |
//! |---|---|
//! | `worker W [slots=N] [extra=N] [cpus=N] [KEY=VALUE …]` | a worker links for the first time, with these capabilities |
//! | `introduce W [holding=A/1,B/2:reported] [slots=N] [life=N]` | it links again, with these attempts |
//! | `close-link W [life=N]` | its link closes, or the link of an earlier life |
//! | `silent W`, `heard W` | it stops sending heartbeats (else one every 2 s); it sends one and goes on |
//! | `drain W`, `undrain W` | it takes no new work; it takes it again |
//! | `hold-back W [by=WHO]`, `let-work W` | an operator wants it to take no new work; to take it again |
//! | `submit R group=L specs=A:3s,B:?,C:?900,D:carried [retries=N] [needs=REQ,REQ] [group=L2 …]` | a run is submitted; `?` is a spec without history, `?900` one with a file of 900 bytes. What comes for a whole run and for a group is listed in `submit.rs`, and so is what may follow a spec |
//! | `join R LABEL …` | the same, as another submission of R's build |
//! | `report W A WHAT [message…]` | a report: `started`, `tests=2+1-1` (passed, failed, skipped), a verdict, or `lost=CAUSE` |
//! | `resend W N` | report number N comes once more |
//! | `cancel R [by=WHO]`, `kill R` | a client asks to stop the run |
//! | `abandon R` | the daemon that led the run is gone for good |
//! | `pass 6s` | time passes; the core is woken when it asked to be |
//! | `pause-leader 60s` | the leader itself does not run for so long |
//! | `restart-leader` | a new leader folds the ledger, in the next term; all links are gone |
//! | `uncommitted COMMAND` | the command's records cannot be committed; a new leader takes over |
//! | `scarce W [WHAT]` | its extra slots take nothing new, since WHAT is scarce; without WHAT they do again |
//! | `explain R A`, `open R`, `workers`, `wakeup` | what the core says |
//!
//! A spec is written as its name, or `R:NAME` where several runs are open; an attempt as `NAME/NUMBER`.

use crate::submit::{Submit, submit};
use part_core::{AttemptVerdict, InvalidReason, LostCause, Millis};

/// One line of a scenario that is not an answer.
pub(crate) enum Block<'a> {
    Prose(&'a str),
    Command { line: usize, command: &'a str },
}

/// Splits a scenario; the answers in it are left out, for they are made anew.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("> ") {
            blocks.push(Block::Command { line: number + 1, command });
        } else if line.is_empty() || line.starts_with('#') {
            blocks.push(Block::Prose(line));
        }
    }
    blocks
}

/// A command with its arguments.
#[derive(Debug)]
pub(crate) enum Command {
    Worker { worker: String, slots: Option<u32>, extra: u32, cpus: u32, facts: Vec<(String, String)> },
    Introduce { worker: String, slots: Option<u32>, life: Option<u64>, holding: Vec<(String, bool)> },
    CloseLink { worker: String, life: Option<u64> },
    Silent { worker: String },
    Heard { worker: String },
    Drain { worker: String, draining: bool },
    HoldBack { worker: String, by: Option<String> },
    Submit(Box<Submit>),
    Scarce { worker: String, what: Option<String> },
    Open { run: String },
    Report { worker: String, spec: String, what: What, message: String },
    Resend { worker: String, number: u64 },
    Cancel { run: String, by: String, kill: bool },
    Abandon { run: String },
    Pass { time: Millis },
    PauseLeader { time: Millis },
    RestartLeader,
    Uncommitted(Box<Command>),
    Explain { run: String, spec: String },
    Workers,
    Wakeup,
}

/// What a report says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Started,
    Tests { passed: u32, failed: u32, skipped: u32 },
    Finished(AttemptVerdict),
    Lost(LostCause),
}

/// Reads one command.
pub(crate) fn parse(text: &str) -> Result<Command, String> {
    let mut words = text.split_whitespace();
    let verb = words.next().ok_or("there is no command")?;
    let rest: Vec<&str> = words.collect();
    let first = || rest.first().map(|word| (*word).to_owned()).ok_or_else(|| "a name is missing".to_owned());
    Ok(match verb {
        "worker" => worker(first()?, &rest[1..])?,
        "introduce" => introduce(first()?, &rest[1..])?,
        "close-link" => {
            let life = rest.get(1).and_then(|word| word.strip_prefix("life=")).map(number).transpose()?;
            Command::CloseLink { worker: first()?, life }
        }
        "silent" => Command::Silent { worker: first()? },
        "heard" => Command::Heard { worker: first()? },
        "drain" | "undrain" => Command::Drain { worker: first()?, draining: verb == "drain" },
        "hold-back" => {
            let by = rest.get(1).and_then(|word| word.strip_prefix("by=")).unwrap_or("ann").to_owned();
            Command::HoldBack { worker: first()?, by: Some(by) }
        }
        "let-work" => Command::HoldBack { worker: first()?, by: None },
        "submit" | "join" => Command::Submit(Box::new(submit(first()?, verb == "join", &rest[1..])?)),
        "scarce" => Command::Scarce { worker: first()?, what: rest.get(1).map(|what| (*what).to_owned()) },
        "open" => Command::Open { run: first()? },
        "report" => report(&rest)?,
        "resend" => {
            Command::Resend { worker: first()?, number: number(rest.get(1).copied().unwrap_or_default())? }
        }
        "cancel" | "kill" => {
            let by = rest.get(1).and_then(|word| word.strip_prefix("by=")).unwrap_or("ann").to_owned();
            Command::Cancel { run: first()?, by, kill: verb == "kill" }
        }
        "abandon" => Command::Abandon { run: first()? },
        "pass" => Command::Pass { time: duration(&first()?)? },
        "pause-leader" => Command::PauseLeader { time: duration(&first()?)? },
        "restart-leader" => Command::RestartLeader,
        "uncommitted" => Command::Uncommitted(Box::new(parse(&rest.join(" "))?)),
        "explain" => {
            Command::Explain { run: first()?, spec: rest.get(1).copied().unwrap_or_default().to_owned() }
        }
        "workers" => Command::Workers,
        "wakeup" => Command::Wakeup,
        _ => return Err(format!("{verb:?} is no command")),
    })
}

fn worker(worker: String, words: &[&str]) -> Result<Command, String> {
    let (mut slots, mut extra, mut cpus, mut facts) = (None, 0, 0, Vec::new());
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "slots" => slots = Some(number(value)?),
            "extra" => extra = number(value)?,
            "cpus" => cpus = number(value)?,
            _ => facts.push((key.to_owned(), value.to_owned())),
        }
    }
    Ok(Command::Worker { worker, slots, extra, cpus, facts })
}

fn introduce(worker: String, words: &[&str]) -> Result<Command, String> {
    let (mut slots, mut life, mut holding) = (None, None, Vec::new());
    for word in words {
        match word.split_once('=') {
            Some(("slots", value)) => slots = Some(number(value)?),
            Some(("life", value)) => life = Some(number(value)?),
            Some(("holding", list)) => {
                for item in list.split(',').filter(|item| !item.is_empty()) {
                    let reported = item.ends_with(":reported");
                    holding.push((item.trim_end_matches(":reported").to_owned(), reported));
                }
            }
            _ => return Err(format!("{word:?} is not understood")),
        }
    }
    Ok(Command::Introduce { worker, slots, life, holding })
}

fn report(words: &[&str]) -> Result<Command, String> {
    let [worker, spec, what, message @ ..] = words else {
        return Err("worker, spec and what are needed".to_owned());
    };
    let what = match *what {
        "started" => What::Started,
        "passed" => What::Finished(AttemptVerdict::Passed),
        "failed" => What::Finished(AttemptVerdict::Failed),
        "timed-out" => What::Finished(AttemptVerdict::TimedOut),
        "crashed" => What::Finished(AttemptVerdict::Crashed),
        "setup-failed" => What::Finished(AttemptVerdict::SetupFailed),
        "lost=shim-died" => What::Lost(LostCause::ShimDied),
        "lost=drained" => What::Lost(LostCause::Drained),
        "lost=no-room" => What::Lost(LostCause::NoRoom),
        "lost=refused" => What::Lost(LostCause::Refused),
        "lost=worker-failed" => What::Lost(LostCause::WorkerFailed),
        "lost=batch-ended" => What::Lost(LostCause::BatchEnded),
        "cancelled" => What::Finished(AttemptVerdict::Cancelled),
        "no-tests" => What::Finished(AttemptVerdict::Invalid(InvalidReason::NoTests)),
        "invalid-report" => What::Finished(AttemptVerdict::Invalid(InvalidReason::Report)),
        "missing-tests" => What::Finished(AttemptVerdict::Invalid(InvalidReason::MissingTests)),
        other => tests(other)?,
    };
    let (worker, spec) = ((*worker).to_owned(), (*spec).to_owned());
    Ok(Command::Report { worker, spec, what, message: message.join(" ") })
}

fn tests(text: &str) -> Result<What, String> {
    let wrong = || format!("{text:?} is no report");
    let counts = text.strip_prefix("tests=").ok_or_else(wrong)?;
    let counts: Vec<u32> = counts.split(['+', '-']).map(number).collect::<Result<_, _>>()?;
    let [passed, failed, skipped] = counts[..] else { return Err(wrong()) };
    Ok(What::Tests { passed, failed, skipped })
}

pub(crate) fn duration(text: &str) -> Result<Millis, String> {
    let wrong = |_| format!("{text:?} is no duration (write 250ms or 3s)");
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().map(Millis).map_err(wrong),
        None => text.strip_suffix('s').unwrap_or(text).parse().map(Millis::seconds).map_err(wrong),
    }
}

pub(crate) fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
