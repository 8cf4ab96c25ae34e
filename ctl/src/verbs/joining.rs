//! Joining the run of a build: what is asked before a submission is sent, and what is told once it is accepted.

use crate::app::App;
use crate::ci::{BuildLine, Counted, Identity};
use crate::error::CliError;
use crate::mesh::{Build, Clients, runs_of};
use crate::out::Format;
use crate::render::json::{Line, SubmittedLine};
use crate::text::{clean, count};
use crate::view::short_id;
use part_core::{Joining, Submission};
use part_proto::v1::{RunInfo, SubmitResponse};

/// Makes a number that counts the tries of one job to an attempt of the build. A job that is tried again belongs to the
/// attempt of that number, or, where that is over because another job was tried again before, to the next one that is
/// not. The first try of a job is never moved: it is late, and the leader says so.
pub(super) async fn settle(
    clients: &Clients,
    submission: &mut Submission,
    identity: &Identity,
) -> Result<(), CliError> {
    let by_job = identity.attempt.is_some_and(|attempt| attempt.counted == Counted::Job);
    let Joining::Attempt(number @ 2..) = submission.joining else { return Ok(()) };
    if by_job {
        let project = Some(submission.project.clone());
        let build = Build { id: &submission.build, project, attempt: None };
        let runs = runs_of(clients, &build).await?;
        submission.joining = Joining::Attempt(first_that_goes_on(number, &runs));
    }
    Ok(())
}

/// The first attempt from this one on that is not over.
fn first_that_goes_on(number: u32, runs: &[RunInfo]) -> u32 {
    let of = |number: u32| runs.iter().filter(move |run| run.attempt == number);
    let is_over = |number: u32| of(number).count() > 0 && of(number).all(|run| run.finished_at.is_some());
    (number..).find(|number| !is_over(*number)).unwrap_or(number)
}

/// Tells which build the submission belongs to, which run it became part of, and what of it runs.
pub(super) fn accepted(app: &mut App, submission: &Submission, identity: &Identity, sent: &SubmitResponse) {
    let line = BuildLine {
        identity,
        joining: submission.joining,
        attempt: sent.attempt,
        joined: sent.joined.then(|| short_id(&sent.run)),
    };
    match app.out.format() {
        Format::Json => {
            let line = SubmittedLine {
                build: Some(identity.build.clone()),
                build_origin: Some(identity.origin.words()),
                ..SubmittedLine::from(sent)
            };
            app.out.json(&Line::new("submitted", line));
        }
        Format::Human => {
            let palette = app.out.talk_palette();
            let text = clean::line(&line.text(), palette.into());
            app.out.talk(&format!("{text}\n"));
        }
    }
    if let Some(hint) = line.hint().filter(|_| !matches!(app.global.place(), crate::mesh::Place::Local { .. })) {
        app.note(&hint);
    }
    if let Some(what) = carried(sent) {
        app.note(&what);
    }
}

/// What of a submission runs, where passes of earlier attempts matter.
fn carried(sent: &SubmitResponse) -> Option<String> {
    let from = match sent.carried_from.as_str() {
        "" => String::new(),
        run => format!(" (last in run {})", short_id(run)),
    };
    if sent.all_again {
        return Some(format!("everything passed in earlier attempts of this build{from}: all of it runs again"));
    }
    (sent.carried > 0).then(|| {
        format!(
            "{} passed in earlier attempts of this build{from} and stand; what failed or is missing runs: {} \
             (--all runs everything)",
            count(sent.carried, "spec"),
            sent.specs
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_tried_again_gets_the_next_attempt_that_goes_on() {
        let run = |attempt, finished_at| RunInfo { attempt, finished_at, ..RunInfo::default() };
        let table = [
            (vec![], 2, 2),
            (vec![run(1, Some(1))], 2, 2),
            (vec![run(2, None), run(1, Some(1))], 2, 2),
            (vec![run(2, Some(2)), run(1, Some(1))], 2, 3),
            (vec![run(3, None), run(2, Some(2))], 2, 3),
            // A run of its own beside the one that can be joined.
            (vec![run(2, Some(2)), run(2, None)], 2, 2),
        ];
        for (runs, number, expected) in table {
            assert_eq!(first_that_goes_on(number, &runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn what_stands_and_what_runs_is_said() {
        let run = part_core::RunId(5 << 64).to_string();
        let sent = |specs, carried, all_again, from: &str| SubmitResponse {
            specs,
            carried,
            all_again,
            carried_from: from.to_owned(),
            ..SubmitResponse::default()
        };
        assert_eq!(carried(&sent(3, 0, false, "")), None);
        let some = carried(&sent(1, 2, false, &run)).expect("some are carried");
        assert!(some.starts_with("2 specs passed in earlier attempts of this build (last in run run_"), "{some}");
        assert!(some.ends_with("runs: 1 (--all runs everything)"), "{some}");
        let again = carried(&sent(3, 0, true, "")).expect("all run again");
        assert_eq!(again, "everything passed in earlier attempts of this build: all of it runs again");
    }
}
