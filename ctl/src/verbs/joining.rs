//! Joining the run of a build: what is asked before a submission is sent, and what is told once it is accepted.

use crate::app::App;
use crate::ci::{BuildLine, Counted, Identity};
use crate::error::CliError;
use crate::mesh::{Build, Clients, runs_of};
use crate::out::Format;
use crate::render::Verbosity;
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
        Format::Human if app.global.verbosity() == Verbosity::Quiet => {}
        Format::Human => {
            let palette = app.out.talk_palette();
            let text = clean::line(&line.text(), palette.into());
            app.out.talk(&format!("{text}\n"));
        }
    }
    if let Some(hint) =
        line.hint().filter(|_| !matches!(app.global.place(), crate::mesh::Place::Local { .. }))
    {
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
        return Some(format!(
            "everything passed in earlier attempts of this build{from}: all of it runs again"
        ));
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
    use super::super::submit::send;
    use super::*;
    use crate::ci::{Attempt, Company, Origin, join};
    use crate::cli::GlobalArgs;
    use crate::out::Capture;
    use crate::testing::{RUN, Scripted};
    use crate::text::Palette;
    use part_core::{
        GroupPolicy, GroupSubmission, Recipe, Requirements, Source, SpecSubmission, SubmissionId,
    };
    use tonic::Status;

    fn submission() -> Submission {
        let spec = SpecSubmission { name: "a.sh".into(), ..SpecSubmission::default() };
        Submission {
            id: SubmissionId(7),
            project: "shop".into(),
            build: "buildkite:acme/shop:b".into(),
            joining: Joining::Never,
            past: Vec::new(),
            run_all: true,
            source: Source::default(),
            workspace: part_core::Workspace::InPlace("/shop".into()),
            policy: part_core::RunPolicy::default(),
            content: None,
            groups: vec![GroupSubmission {
                label: "a".into(),
                suite: "sh".into(),
                requirements: Requirements::default(),
                policy: GroupPolicy::default(),
                recipe: Recipe::of_command(vec!["sh".into(), "{spec}".into()]),
                overhead: None,
                specs: vec![spec],
            }],
        }
    }

    fn identity() -> Identity {
        Identity {
            build: "buildkite:acme/shop:b".into(),
            origin: Origin::Ci { provider: "Buildkite", variables: vec!["BUILDKITE_BUILD_ID"] },
            attempt: Some(Attempt { number: 2, counted: Counted::Job, by: "BUILDKITE_RETRY_COUNT" }),
            facts: None,
        }
    }

    fn app(capture: &Capture, format: Format) -> App {
        let global = GlobalArgs { server: Some("mesh:7000".into()), ..GlobalArgs::default() };
        App { out: capture.out(format, Palette::PLAIN), global, logs: false }
    }

    #[tokio::test]
    async fn a_job_tried_again_is_sent_to_the_attempt_that_goes_on_and_told() {
        let past = RunInfo {
            run: part_core::RunId(5 << 64).to_string(),
            project: "shop".into(),
            build: "buildkite:acme/shop:b".into(),
            attempt: 2,
            finished_at: Some(9),
            ..RunInfo::default()
        };
        let (server, mesh) = Scripted::start(Vec::new(), Vec::new(), vec![past.clone()]).await;
        server.answer(Err(Status::unavailable("changing leaders")));
        server.answer(Ok(SubmitResponse {
            run: RUN.to_string(),
            new: true,
            specs: 1,
            carried: 2,
            attempt: 3,
            joined: true,
            all_again: false,
            carried_from: past.run,
        }));
        let (mut submission, identity) = (submission(), identity());
        join(&mut submission, &identity, Company::default());
        settle(mesh.clients(), &mut submission, &identity).await.expect("the runs are listed");
        let sent = send(mesh.clients(), &submission).await.expect("it is taken");
        let came = server.submissions();
        assert_eq!(came.len(), 2, "the same again");
        assert!(
            came.iter()
                .all(|one| one.joining == Joining::Attempt(3) && one.run_all && one.id == submission.id)
        );

        let capture = Capture::default();
        let mut human = app(&capture, Format::Human);
        accepted(&mut human, &submission, &identity, &sent);
        let told = capture.stderr();
        let mut lines = told.lines();
        assert_eq!(
            lines.next(),
            Some(
                "build buildkite:acme/shop:b (Buildkite: BUILDKITE_BUILD_ID), attempt 3, joins run run_4aqkff04"
            )
        );
        let carried =
            "note: 2 specs passed in earlier attempts of this build (last in run run_00000000) and stand";
        assert!(lines.next().is_some_and(|line| line.starts_with(carried)), "{told}");

        let capture = Capture::default();
        accepted(&mut app(&capture, Format::Json), &submission, &identity, &sent);
        let text = capture.stdout();
        let line: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("it is JSON");
        assert_eq!(
            (&line["event"], &line["attempt"], &line["joined"]),
            (&"submitted".into(), &3.into(), &true.into())
        );
        assert_eq!(line["build"], "buildkite:acme/shop:b");
        assert_eq!(line["build_origin"], "Buildkite: BUILDKITE_BUILD_ID");
    }

    #[tokio::test]
    async fn a_refused_group_is_told_as_it_is_and_not_sent_again() {
        let (server, mesh) = Scripted::start(Vec::new(), Vec::new(), Vec::new()).await;
        let taken = "group \"a\" is in run run_x of this build already: it came 4s ago from dev on desk";
        server.answer(Err(Status::already_exists(taken)));
        let error = send(mesh.clients(), &submission()).await.expect_err("it is refused");
        assert_eq!(error.to_string(), format!("cannot submit the run: {taken}"));
        assert_eq!((error.kind().exit().code(), server.submissions().len()), (2, 1));
    }

    #[test]
    fn made_up_ids_come_with_a_hint() {
        let made_up =
            Identity { build: "local-1".into(), origin: Origin::MadeUp, attempt: None, facts: None };
        let sent = SubmitResponse { run: RUN.to_string(), attempt: 1, ..SubmitResponse::default() };
        let told = |waits| {
            let mut submission = submission();
            join(&mut submission, &made_up, Company { alone: false, waits });
            let capture = Capture::default();
            accepted(&mut app(&capture, Format::Human), &submission, &made_up, &sent);
            capture.stderr()
        };
        let alone = "build local-1 (made up for this submit), attempt 1\nnote: nobody joins this run; for several \
                     submits in one run give all of them the same --ci-build-id ID\n";
        assert_eq!(told(false), alone);
        let waits = "build local-1 (made up for this submit), attempt 1, a new run\nnote: others join with \
                     --ci-build-id local-1\n";
        assert_eq!(told(true), waits);
    }

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
        assert!(
            some.starts_with("2 specs passed in earlier attempts of this build (last in run run_"),
            "{some}"
        );
        assert!(some.ends_with("runs: 1 (--all runs everything)"), "{some}");
        let again = carried(&sent(3, 0, true, "")).expect("all run again");
        assert_eq!(again, "everything passed in earlier attempts of this build: all of it runs again");
    }
}
