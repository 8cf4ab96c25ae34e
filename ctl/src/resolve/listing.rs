//! Asking frameworks for specs that are not files, and for the tests of specs.

use super::error::ResolveError;
use super::process::{CallError, CallOutput, Lister};
use futures::StreamExt;
use part_frameworks::SuiteOptions;
use part_frameworks::listing::{ListError, ListPlan, Listing, plan_specs, plan_tests};
use part_frameworks::table::Framework;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Listing commands that run at the same time: some of them compile.
const AT_ONCE: usize = 4;

/// What two listings have in common when one call answers both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey {
    suite: String,
    browser: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
}

impl CallKey {
    pub(crate) fn new(suite: &str, options: &SuiteOptions) -> Self {
        let mut env = options.env.clone();
        env.extend(options.private_env.clone());
        CallKey { suite: suite.to_owned(), browser: options.browser.clone(), args: options.args.clone(), env }
    }
}

/// One thing to ask a framework.
pub(crate) struct Question<'a> {
    pub(crate) framework: &'a Framework,
    pub(crate) options: &'a SuiteOptions,
    /// The specs whose tests are asked for; of no meaning where specs are.
    pub(crate) specs: Vec<String>,
}

/// Where listing happens.
pub(crate) struct Asking<'a> {
    root: &'a Path,
    scratch: &'a Path,
    lister: &'a dyn Lister,
    /// What the calls that list specs wrote: some frameworks list specs and tests by the same call.
    heard: Mutex<BTreeMap<Call, Arc<CallOutput>>>,
}

/// What makes two calls the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    argv: Vec<String>,
    folder: PathBuf,
    env: BTreeMap<String, String>,
}

/// Why a framework did not answer.
#[derive(Debug, Error)]
enum AnswerError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    List(#[from] ListError),
}

impl<'a> Asking<'a> {
    /// `root` is the workspace, `scratch` a folder for what calls write.
    pub(crate) fn new(root: &'a Path, scratch: &'a Path, lister: &'a dyn Lister) -> Self {
        Asking { root, scratch, lister, heard: Mutex::default() }
    }

    /// The specs, for each question. A framework that does not answer is an error.
    pub(crate) async fn specs(
        &self,
        questions: BTreeMap<CallKey, Question<'_>>,
    ) -> Result<BTreeMap<CallKey, Listing>, ResolveError> {
        let mut plans = Vec::with_capacity(questions.len());
        for (number, (key, question)) in questions.into_iter().enumerate() {
            let scratch = self.scratch.join(format!("specs-{number}"));
            let plan = plan_specs(question.framework, self.root, question.options, &scratch)
                .map_err(|source| ResolveError::Plan { suite: key.suite.clone(), source: source.into() })?;
            plans.extend(plan.map(|plan| (key, plan)));
        }
        let mut answers = futures::stream::iter(&plans)
            .map(async |(key, plan)| (key.clone(), self.answer(plan).await))
            .buffered(AT_ONCE);
        let mut listings = BTreeMap::new();
        while let Some((key, answer)) = answers.next().await {
            let suite = key.suite.clone();
            let listing = answer.map_err(|error| match error {
                AnswerError::Call(source) => ResolveError::Call { suite, source },
                AnswerError::List(source) => ResolveError::List { suite, source: source.into() },
            })?;
            listings.insert(key, listing);
        }
        Ok(listings)
    }

    /// The tests of specs, for each question that can be answered, and notes about the others: specs run without
    /// their tests being known, too.
    pub(crate) async fn tests(
        &self,
        questions: BTreeMap<CallKey, Question<'_>>,
    ) -> (BTreeMap<CallKey, Listing>, Vec<String>) {
        let mut notes = Vec::new();
        let mut plans = Vec::new();
        for (number, (key, question)) in questions.into_iter().enumerate() {
            let scratch = self.scratch.join(format!("tests-{number}"));
            match plan_tests(question.framework, self.root, question.options, &scratch, &question.specs) {
                Ok(calls) => plans.extend(calls.into_iter().map(|plan| (key.clone(), plan))),
                Err(error) => notes.push(unlisted(&key, &chain(&error))),
            }
        }
        let mut answers = futures::stream::iter(&plans)
            .map(async |(key, plan)| (key, self.answer(plan).await))
            .buffered(AT_ONCE);
        let mut listings: BTreeMap<CallKey, Listing> = BTreeMap::new();
        let mut failed = Vec::new();
        while let Some((key, answer)) = answers.next().await {
            match answer {
                Ok(listing) => listings.entry(key.clone()).or_default().merge(listing),
                Err(error) if !failed.contains(key) => {
                    notes.push(unlisted(key, &chain(&error)));
                    failed.push(key.clone());
                }
                Err(_) => {}
            }
        }
        for (key, listing) in &listings {
            notes.extend(listing.notes.iter().map(|note| format!("suite {:?}: {note}", key.suite)));
        }
        (listings, notes)
    }

    async fn answer(&self, plan: &ListPlan) -> Result<Listing, AnswerError> {
        let call = Call { argv: plan.argv.clone(), folder: plan.folder.clone(), env: plan.env.clone() };
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
        let output = match heard {
            Some(output) => output,
            None => {
                let output = Arc::new(self.lister.call(plan).await?);
                let mut all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(call, Arc::clone(&output));
                output
            }
        };
        Ok(plan.read(output.exit, &output.stdout, &output.stderr)?)
    }
}

fn unlisted(key: &CallKey, why: &str) -> String {
    format!(
        "the tests of suite {:?} are not known, so a test that silently does not run goes unnoticed: {why}",
        key.suite
    )
}

/// An error with its causes in one text.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// A folder of this call's own, gone with it.
pub(crate) fn scratch() -> Result<tempfile::TempDir, ResolveError> {
    let made = tempfile::Builder::new().prefix("part-list-").tempdir();
    made.map_err(|source| ResolveError::Scratch { source })
}

/// The folder without symbolic links, as frameworks print it.
pub(crate) fn real_path(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
