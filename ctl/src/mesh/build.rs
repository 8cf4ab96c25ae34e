//! Finding the runs of a CI build.

use super::Clients;
use crate::error::CliError;
use part_proto::v1::{ListRunsRequest, RunInfo};
use std::collections::BTreeSet;

/// Runs of one build that are looked at, the newest first: nobody tries a pipeline that often.
const ATTEMPTS: u32 = 1000;

/// A build, as it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Build<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Its project; none for any.
    pub(crate) project: Option<String>,
    /// One of its attempts; none for the newest.
    pub(crate) attempt: Option<u32>,
}

/// The runs of a build, the newest first.
pub(crate) async fn runs_of(mesh: &Clients, build: &Build<'_>) -> Result<Vec<RunInfo>, CliError> {
    let request = ListRunsRequest {
        project: build.project.clone().unwrap_or_default(),
        limit: ATTEMPTS,
        build: build.id.to_owned(),
    };
    let listed = mesh.runs().list_runs(request).await;
    let listed = listed.map_err(|status| mesh.error("look for the build's runs", &status))?;
    // A daemon from before builds were looked for gives all runs.
    Ok(listed.into_inner().runs.into_iter().filter(|run| run.build == build.id).collect())
}

/// The run of a build's newest attempt, or of the one that is asked for.
pub(crate) async fn find_build(mesh: &Clients, build: &Build<'_>) -> Result<RunInfo, CliError> {
    let runs = runs_of(mesh, build).await?;
    let about = match &build.project {
        Some(project) => format!("build {:?} of project {project:?}", build.id),
        None => format!("build {:?}", build.id),
    };
    let Some(newest) = runs.iter().max_by_key(|run| (run.attempt, run.opened_at)) else {
        let error = CliError::usage(format!("there is no run of {about} yet")).hint(format!(
            "partctl submit --ci-build-id {} makes one; partctl runs lists those that there are",
            build.id
        ));
        return Err(match &build.project {
            Some(_) => error.hint("--project NAME looks in another project"),
            None => error,
        });
    };
    let projects: BTreeSet<&str> = runs.iter().map(|run| run.project.as_str()).collect();
    if projects.len() > 1 {
        let names: Vec<&str> = projects.into_iter().collect();
        return Err(CliError::usage(format!("{about} is in several projects: {}", names.join(", ")))
            .hint("name one with --project NAME"));
    }
    let Some(attempt) = build.attempt else { return Ok(newest.clone()) };
    let found = runs.iter().filter(|run| run.attempt == attempt).max_by_key(|run| run.opened_at);
    found.cloned().ok_or_else(|| {
        CliError::usage(format!(
            "there is no attempt {attempt} of {about} yet; the newest is {}",
            newest.attempt
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;
    use part_core::RunId;

    fn run(id: u128, project: &str, build: &str, attempt: u32) -> RunInfo {
        RunInfo {
            run: RunId(id).to_string(),
            project: project.into(),
            build: build.into(),
            attempt,
            opened_at: 1000 + id as u64,
            ..RunInfo::default()
        }
    }

    #[tokio::test]
    async fn builds_are_found_by_their_newest_attempt() {
        let runs = vec![
            run(1, "shop", "x", 1),
            run(2, "shop", "x", 2),
            run(3, "shop", "y", 7),
            run(4, "other", "z", 1),
            run(5, "shop", "z", 1),
        ];
        let (_server, mesh) = Scripted::start(Vec::new(), Vec::new(), runs).await;
        type Row = (&'static str, Option<&'static str>, Option<u32>, Result<u128, &'static str>);
        let table: [Row; 8] = [
            ("x", None, None, Ok(2)),
            ("x", Some("shop"), Some(1), Ok(1)),
            ("x", None, Some(3), Err("there is no attempt 3 of build \"x\" yet; the newest is 2")),
            ("x", Some("other"), None, Err("there is no run of build \"x\" of project \"other\" yet")),
            ("y", None, None, Ok(3)),
            ("z", None, None, Err("build \"z\" is in several projects: other, shop")),
            ("z", Some("other"), None, Ok(4)),
            ("w", None, None, Err("there is no run of build \"w\" yet")),
        ];
        for (id, project, attempt, expected) in table {
            let build = Build { id, project: project.map(str::to_owned), attempt };
            let found = find_build(mesh.clients(), &build).await;
            let found = found.map(|info| info.run).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(|id| RunId(id).to_string()).map_err(str::to_owned), "{build:?}");
        }
    }
}
