//! What scenarios submit, as it is written.
//!
//! For a run, before its groups: `id=N`, `content=DIGEST`, `project=P`, `build=B`, `attempt=N` or `open` (others may
//! join; `join` says so by itself), `past=N,M` (attempts of the build that are over), `from=WHO`, `delay=60s`,
//! `expect=3` or `expect=a,b`, `max-failures=N`, `lost-after=10s`, `worker-kills=N`, `weight=N`, `priority=N`,
//! `retry-budget=N`, `wait-for-workers=30s`, `failed-first`.
//!
//! For a group, after its label: `retries=N`, `needs=REQ,REQ`, `parallel=none|collections|assemblies|all`,
//! `threads=N|unlimited|2.0x`, `aggressive`, `timeout=5x`, `recipe-timeout=90s`, `backups`, `split`, `batches` (its
//! framework runs several specs in one process), `no-batches`, `overhead=2s`, and `specs=…`.
//!
//! After a spec, each after a `;`: `collection=C`, `serial`, `assembly=A`, `lock=NAME:PERMITS`, `quarantined`,
//! `failed-last`, `whole`, `tests=t1:1s+t2:500ms`, `spread=0.3`.

use crate::script::{duration, number};
use part_core::{Algorithm, Expect, GroupPolicy, Joining, Lock, Millis, Parallel, RunPolicy, Threads};

#[derive(Debug, Default)]
pub(crate) struct Submit {
    pub(crate) run: String,
    pub(crate) id: Option<u128>,
    pub(crate) content: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) build: Option<String>,
    pub(crate) joining: Joining,
    pub(crate) past: Vec<u32>,
    pub(crate) from: String,
    pub(crate) policy: RunPolicy,
    pub(crate) groups: Vec<Group>,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) needs: Vec<String>,
    pub(crate) policy: GroupPolicy,
    pub(crate) batches: bool,
    pub(crate) overhead: Option<Millis>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) specs: Vec<Spec>,
}

#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) known: Known,
    pub(crate) collection: Option<String>,
    pub(crate) serial: bool,
    pub(crate) assembly: Option<String>,
    pub(crate) locks: Vec<Lock>,
    pub(crate) quarantined: bool,
    pub(crate) failed_last: bool,
    pub(crate) whole: bool,
    pub(crate) tests: Vec<(String, Millis)>,
}

/// What is known of a spec beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    Nothing { size: u64 },
    Took(Millis),
    Passed,
}

pub(crate) fn submit(run: String, joins: bool, words: &[&str]) -> Result<Submit, String> {
    let joining = if joins { Joining::Current } else { Joining::Never };
    let mut submit = Submit { run, joining, ..Submit::default() };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        if key == "group" {
            submit.groups.push(Group { label: value.to_owned(), ..Group::default() });
        } else if !of_run(&mut submit, key, value)? {
            let group = submit.groups.last_mut().ok_or_else(|| format!("{word:?} is not understood"))?;
            of_group(group, key, value)?;
        }
    }
    Ok(submit)
}

fn of_run(submit: &mut Submit, key: &str, value: &str) -> Result<bool, String> {
    let policy = &mut submit.policy;
    match key {
        "id" => submit.id = Some(number(value)?),
        "content" => submit.content = Some(value.to_owned()),
        "project" => submit.project = Some(value.to_owned()),
        "build" => submit.build = Some(value.to_owned()),
        "open" => submit.joining = Joining::Current,
        "attempt" => submit.joining = Joining::Attempt(number(value)?),
        "past" => submit.past = value.split(',').map(number).collect::<Result<_, _>>()?,
        "from" => submit.from = value.to_owned(),
        "delay" => policy.completion_delay = duration(value)?,
        "expect" => {
            policy.expect = Some(match number(value) {
                Ok(count) => Expect::Count(count),
                Err(_) => Expect::Labels(value.split(',').map(str::to_owned).collect()),
            });
        }
        "max-failures" => policy.max_failures = Some(number(value)?),
        "lost-after" => policy.lost_after = Some(duration(value)?),
        "worker-kills" => policy.worker_kills = Some(number(value)?),
        "weight" => policy.weight = Some(number(value)?),
        "priority" => policy.priority = number(value)?,
        "retry-budget" => policy.retry_budget = Some(number(value)?),
        "wait-for-workers" => policy.wait_for_workers = Some(duration(value)?),
        "failed-first" => policy.failed_first = true,
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_group(group: &mut Group, key: &str, value: &str) -> Result<(), String> {
    let policy = &mut group.policy;
    match key {
        "retries" => policy.retries = number(value)?,
        "needs" => group.needs = value.split(',').map(str::to_owned).collect(),
        "parallel" => {
            policy.parallel = match value {
                "none" => Parallel::None,
                "collections" => Parallel::Collections,
                "assemblies" => Parallel::Assemblies,
                "all" => Parallel::All,
                _ => return Err(format!("{value:?} is no level")),
            }
        }
        "threads" => policy.threads = threads(value)?,
        "aggressive" => policy.algorithm = Algorithm::Aggressive,
        "timeout" => policy.timeout_percent = Some(number::<u32>(value.trim_end_matches('x'))? * 100),
        "recipe-timeout" => group.timeout = Some(duration(value)?),
        "backups" => policy.backups = true,
        "split" => policy.split = true,
        "batches" => group.batches = true,
        "no-batches" => policy.no_batches = true,
        "overhead" => group.overhead = Some(duration(value)?),
        "specs" => group.specs = value.split(',').map(spec).collect::<Result<_, _>>()?,
        _ => return Err(format!("{key:?} is not understood")),
    }
    Ok(())
}

fn threads(text: &str) -> Result<Threads, String> {
    match (text, text.strip_suffix('x')) {
        ("unlimited", _) => Ok(Threads::Unlimited),
        (_, Some(times)) => {
            let times: f64 = number(times)?;
            Ok(Threads::PerHundredCpus((times * 100.0) as u32))
        }
        (_, None) => Ok(Threads::Count(number(text)?)),
    }
}

fn spec(text: &str) -> Result<Spec, String> {
    let mut parts = text.split(';');
    let first = parts.next().unwrap_or_default();
    let (name, known) =
        first.split_once(':').ok_or_else(|| format!("{text:?}: what is known of it is missing"))?;
    let known = match known {
        "?" => Known::Nothing { size: 0 },
        "carried" => Known::Passed,
        _ => match known.strip_prefix('?') {
            Some(size) => Known::Nothing { size: number(size)? },
            None => Known::Took(duration(known)?),
        },
    };
    let mut spec = Spec {
        name: name.to_owned(),
        known,
        collection: None,
        serial: false,
        assembly: None,
        locks: Vec::new(),
        quarantined: false,
        failed_last: false,
        whole: false,
        tests: Vec::new(),
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key {
            "collection" => spec.collection = Some(value.to_owned()),
            "serial" => spec.serial = true,
            "assembly" => spec.assembly = Some(value.to_owned()),
            "lock" => {
                let (name, permits) = value.split_once(':').unwrap_or((value, "1"));
                spec.locks.push(Lock { name: name.to_owned(), permits: number(permits)? });
            }
            "quarantined" => spec.quarantined = true,
            "failed-last" => spec.failed_last = true,
            "whole" => spec.whole = true,
            "tests" => spec.tests = value.split('+').map(test).collect::<Result<_, _>>()?,
            _ => return Err(format!("{key:?} is not understood after a spec")),
        }
    }
    Ok(spec)
}

fn test(text: &str) -> Result<(String, Millis), String> {
    let (name, time) =
        text.split_once(':').ok_or_else(|| format!("{text:?}: how long it takes is missing"))?;
    Ok((name.to_owned(), duration(time)?))
}
