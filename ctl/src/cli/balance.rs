//! Options about what runs beside what.

use crate::config::{Balance, parse_lock};
use part_core::{Algorithm, Lock, Parallel, Threads};
use part_frameworks::xunit::{parse_algorithm, parse_parallel, parse_threads};

/// What runs beside what, over what part.toml says.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Balance")]
pub(crate) struct BalanceArgs {
    /// What of a group may run at the same time: none, collections, assemblies or all
    #[arg(long, value_name = "LEVEL", value_parser = parse_parallel)]
    pub(crate) parallel: Option<Parallel>,

    /// Specs of a group that one worker runs at a time: a number, 2.0x for a multiple of its CPUs, default or unlimited
    #[arg(long, value_name = "N", value_parser = parse_threads, allow_hyphen_values = true)]
    pub(crate) max_threads: Option<Threads>,

    /// What --max-threads limits: conservative for specs, aggressive for CPUs
    #[arg(long, value_name = "NAME", value_parser = parse_algorithm)]
    pub(crate) algorithm: Option<Algorithm>,

    /// Let every spec hold this lock, NAME or NAME:PERMITS; may be repeated
    #[arg(long, value_name = "LOCK", value_parser = parse_lock)]
    pub(crate) lock: Vec<Lock>,

    /// Give a spec far beyond its forecast a second attempt elsewhere when nothing else waits
    #[arg(long, overrides_with = "no_backups")]
    pub(crate) backups: bool,

    /// Give no spec a second attempt while the first runs
    #[arg(long, overrides_with = "backups")]
    pub(crate) no_backups: bool,

    /// Let short specs share a process
    #[arg(long, overrides_with = "no_batches")]
    pub(crate) batches: bool,

    /// Give every spec a process of its own
    #[arg(long, overrides_with = "batches")]
    pub(crate) no_batches: bool,

    /// Let a spec that alone decides how long the run takes be split by its tests
    #[arg(long, overrides_with = "no_split")]
    pub(crate) split: bool,

    /// Split no spec
    #[arg(long, overrides_with = "split")]
    pub(crate) no_split: bool,
}

impl BalanceArgs {
    /// What was said; none where nothing was.
    pub(crate) fn balance(&self) -> Balance {
        Balance {
            parallel: self.parallel,
            threads: self.max_threads,
            algorithm: self.algorithm,
            backups: switch(self.backups, self.no_backups),
            batches: switch(self.batches, self.no_batches),
            split: switch(self.split, self.no_split),
        }
    }
}

fn switch(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        balance: BalanceArgs,
    }

    fn parse(line: &str) -> Result<BalanceArgs, clap::Error> {
        let words = std::iter::once("partctl").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.balance)
    }

    #[test]
    fn flags_are_read_as_part_toml_is() {
        let nothing = Balance::default();
        let table = [
            ("", nothing),
            ("--parallel all", Balance { parallel: Some(Parallel::All), ..nothing }),
            ("--max-threads -1", Balance { threads: Some(Threads::Unlimited), ..nothing }),
            ("--max-threads 0,5X", Balance { threads: Some(Threads::PerHundredCpus(50)), ..nothing }),
            ("--algorithm aggressive", Balance { algorithm: Some(Algorithm::Aggressive), ..nothing }),
            ("--backups --no-batches", Balance { backups: Some(true), batches: Some(false), ..nothing }),
            ("--split --no-split", Balance { split: Some(false), ..nothing }),
            ("--no-split --split", Balance { split: Some(true), ..nothing }),
        ];
        for (line, balance) in table {
            assert_eq!(parse(line).expect(line).balance(), balance, "{line}");
        }
        let locks = parse("--lock printer --lock sandbox:2").expect("locks").lock;
        assert_eq!(locks.iter().map(|lock| lock.permits).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        let lines = [
            "--parallel tests",
            "--parallel",
            "--max-threads -2",
            "--max-threads two",
            "--algorithm greedy",
            "--lock :2",
            "--lock a:0",
        ];
        for line in lines {
            let error = parse(line).err();
            assert_eq!(error.as_ref().map(clap::Error::exit_code), Some(2), "{line}: {error:?}");
        }
    }
}
