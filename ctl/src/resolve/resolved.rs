//! From a project and flags to a submission.

use super::error::{EmptyGroup, NothingMatched, ResolveError};
use super::groups::{Wanted, wanted};
use super::listing::{Asking, CallKey, Question, real_path, scratch};
use super::matching::{Matched, Matching};
use super::near::Near;
use super::policy::{group_policy, run_policy};
use super::process::Lister;
use super::request::{Overrides, Selection, Surroundings};
use super::rules::{Conflicts, unmatched};
use super::source::source;
use super::tree::Trees;
use super::xunit;
use crate::ci::{Asked, Env, Identity, identify};
use crate::config::{Project, Suite, check_name};
use part_core::{Bounds, GroupSubmission, Requirements, SpecSubmission, Submission, Workspace};
use part_frameworks::listing::Listing;
use part_frameworks::table::{Framework, SpecSource};
use part_frameworks::{Built, SpecFile, SuiteOptions, build_recipe};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A submission, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What to send.
    pub submission: Submission,
    /// Which build it belongs to, and how that is known.
    pub identity: Identity,
    /// Slots in local mode, where part.toml says.
    pub workers: Option<u32>,
    /// Slots beyond those in local mode, where part.toml says.
    pub extra_slots: Option<u32>,
    /// What is worth saying: globs that match nothing, listings that failed.
    pub notes: Vec<String>,
}

/// A group on its way.
struct Draft<'p> {
    wanted: Wanted<'p>,
    framework: Framework,
    options: SuiteOptions,
    built: Built,
    matched: Matched,
}

/// Finds the specs of all groups that are asked for, lists their tests where that is cheap, and makes a submission
/// of them.
///
/// # Errors
/// [`ResolveError::NothingMatched`] where a group has no spec; anything else is wrong usage or configuration.
pub async fn resolve(
    project: &Project,
    selection: &Selection,
    overrides: &Overrides,
    surroundings: &Surroundings,
    lister: &dyn Lister,
) -> Result<Resolved, ResolveError> {
    let asked = Asked { build: overrides.build_id.as_deref(), attempt: overrides.attempt };
    let identity = identify(asked, Env(&surroundings.env), surroundings.random)?;
    check_name("build id", &identity.build)?;
    let scratch = scratch()?;
    let real_scratch = real_path(scratch.path());
    let asking = Asking::new(&project.root, &real_scratch, lister);
    let mut trees = Trees::new(&project.root);
    let mut drafts = Vec::new();
    for wanted in wanted(project, selection, overrides, &surroundings.cwd)? {
        drafts.push(draft(project, wanted, overrides, surroundings)?);
    }
    let listed = asking.specs(spec_questions(&drafts)).await?;
    for draft in &mut drafts {
        let names = names_for(draft, &listed, &mut trees)?;
        draft.matched = Matching::new(&draft.wanted, &draft.framework).choose(&names);
    }
    let mut notes = notes_on_globs(selection, &drafts);
    notes.extend(notes_on_rules(project, &drafts, &listed, &mut trees)?);
    let drafts = without_empty(drafts, selection, &listed, &mut trees, &mut notes)?;
    let (tests, test_notes) = asking.tests(test_questions(&drafts)).await;
    notes.extend(test_notes);
    let mut groups = Vec::with_capacity(drafts.len());
    let mut conflicts = Conflicts::default();
    for draft in drafts {
        let key = draft.key();
        let listing = tests.get(&key);
        let tests_of = |spec: &str| listing.and_then(|listing| listing.specs.get(spec)).cloned();
        let (group, said) = group(&project.root, draft, listed.get(&key), tests_of, &mut conflicts)?;
        groups.push(group);
        said.into_iter().for_each(|note| {
            if !notes.contains(&note) {
                notes.push(note);
            }
        });
    }
    if let Some(problems) = conflicts.problems() {
        return Err(ResolveError::Rules { problems });
    }
    let submission = Submission {
        id: surroundings.submission,
        project: project.name.clone(),
        build: identity.build.clone(),
        source: source(&project.root, surroundings, &identity),
        workspace: Workspace::InPlace(project.root.to_string_lossy().into_owned()),
        policy: run_policy(&project.run, overrides, surroundings.inherits),
        content: None,
        groups,
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    };
    submission.check(&Bounds::DEFAULT).map_err(|source| ResolveError::Submission { source })?;
    Ok(Resolved {
        submission,
        identity,
        workers: project.run.workers,
        extra_slots: project.run.extra_slots,
        notes,
    })
}

impl Draft<'_> {
    fn key(&self) -> CallKey {
        CallKey::new(&self.wanted.suite.name, &self.options)
    }
}

/// The framework as the group uses it.
fn draft<'p>(
    project: &Project,
    wanted: Wanted<'p>,
    overrides: &Overrides,
    surroundings: &Surroundings,
) -> Result<Draft<'p>, ResolveError> {
    let suite = wanted.suite;
    let name = || suite.name.clone();
    if !project.root.join(&suite.folder).is_dir() {
        return Err(ResolveError::NoFolder { suite: name(), folder: suite.folder.clone() });
    }
    let framework =
        project.catalogue.resolve(&suite.framework, &project.root, &suite.folder).map_err(|source| {
            ResolveError::Framework {
                suite: name(),
                framework: suite.framework.clone(),
                source: source.into(),
            }
        })?;
    let settings = &wanted.settings;
    let options = SuiteOptions {
        folder: suite.folder.clone(),
        browser: settings.browser.clone(),
        args: settings.args.clone(),
        env: settings.env.clone(),
        private_env: overrides.env.iter().cloned().collect(),
        command: suite.command.as_ref().map(|command| command.iter().map(ToString::to_string).collect()),
        report: suite.report.clone(),
        artifacts: settings.artifacts.clone(),
        timeout: settings.timeout,
        idle_timeout: settings.idle_timeout,
        grace: settings.grace,
        copy_workspace: settings.copy_workspace.unwrap_or(false),
        inherited: surroundings.inherited(),
    };
    let built = build_recipe(&framework, &project.root, &options)
        .map_err(|source| ResolveError::Build { suite: name(), source: source.into() })?;
    Ok(Draft { wanted, framework, options, built, matched: Matched::default() })
}

/// One question for all groups that one call of a framework's answers.
fn spec_questions<'a>(drafts: &'a [Draft<'_>]) -> BTreeMap<CallKey, Question<'a>> {
    let asked = drafts.iter().filter(|draft| draft.framework.specs.call().is_some());
    let question = |draft: &'a Draft<'_>| Question {
        framework: &draft.framework,
        options: &draft.options,
        specs: Vec::new(),
    };
    asked.map(|draft| (draft.key(), question(draft))).collect()
}

/// One question for all groups that one call answers, with the specs of all of them.
fn test_questions<'a>(drafts: &'a [Draft<'_>]) -> BTreeMap<CallKey, Question<'a>> {
    let mut questions: BTreeMap<CallKey, (Question<'a>, BTreeSet<&str>)> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| draft.wanted.settings.list_tests.unwrap_or(true)) {
        let empty = || {
            let question =
                Question { framework: &draft.framework, options: &draft.options, specs: Vec::new() };
            (question, BTreeSet::new())
        };
        let (_, specs) = questions.entry(draft.key()).or_insert_with(empty);
        specs.extend(draft.matched.specs.iter().map(|spec| spec.name.as_str()));
    }
    let filled = questions.into_iter().map(|(key, (question, specs))| {
        (key, Question { specs: specs.into_iter().map(str::to_owned).collect(), ..question })
    });
    filled.collect()
}

/// The names among which a group's specs are: files below its folder, or what a command listed.
fn names_for(
    draft: &Draft<'_>,
    listed: &BTreeMap<CallKey, Listing>,
    trees: &mut Trees<'_>,
) -> Result<Arc<Vec<SpecFile>>, ResolveError> {
    match &draft.framework.specs {
        SpecSource::Listed { .. } => {
            let names = listed.get(&draft.key()).into_iter().flat_map(|listing| listing.specs.keys());
            Ok(Arc::new(names.map(|name| SpecFile { name: name.clone(), size_bytes: 0 }).collect()))
        }
        SpecSource::Files { globs, .. } => {
            let suite = draft.wanted.suite;
            if globs.is_empty() && draft.wanted.globs.is_none() && draft.wanted.asked.is_empty() {
                let (suite, framework) = (suite.name.clone(), draft.framework.name.clone());
                return Err(ResolveError::NoGlobs { suite, framework });
            }
            let files = trees.files(suite, &draft.framework)?;
            Ok(trees.with_literals(suite, files, &draft.wanted))
        }
    }
}

/// Globs that stand for nothing, said once.
fn notes_on_globs(selection: &Selection, drafts: &[Draft<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    for draft in drafts.iter().filter(|draft| !draft.matched.specs.is_empty()) {
        for glob in &draft.matched.unmatched {
            notes.push(format!("group {:?}: {glob:?} matches nothing", draft.wanted.label));
        }
    }
    let matches = |typed: &String| drafts.iter().any(|draft| draft.matched.asked_matched.contains(typed));
    let unmatched = selection.specs.iter().filter(|typed| !matches(typed));
    notes.extend(unmatched.map(|typed| format!("--spec {typed:?} matches nothing")));
    notes
}

/// Globs of rules that stand for no spec, each once: those of a group among its specs, those of a suite among the
/// specs of all its groups, also of such that are not submitted.
fn notes_on_rules(
    project: &Project,
    drafts: &[Draft<'_>],
    listed: &BTreeMap<CallKey, Listing>,
    trees: &mut Trees<'_>,
) -> Result<Vec<String>, ResolveError> {
    let mut problems = Vec::new();
    for draft in drafts.iter().filter(|draft| !draft.wanted.rules.is_empty()) {
        let names = names_for(draft, listed, trees)?;
        let own = Matching::new(&draft.wanted, &draft.framework).own_specs(&names);
        problems.extend(unmatched(draft.wanted.rules.group, own.iter().copied()));
        if draft.wanted.rules.suite.is_empty() {
            continue;
        }
        let mut all = specs_of_suite(project, draft, &names);
        all.extend(own);
        problems.extend(unmatched(draft.wanted.rules.suite, all.iter().copied()));
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup();
    Ok(problems.iter().map(ToString::to_string).collect())
}

/// The specs that a draft's suite and all of its groups name.
fn specs_of_suite<'n>(project: &Project, draft: &Draft<'_>, names: &'n [SpecFile]) -> BTreeSet<&'n str> {
    let suite: &Suite = draft.wanted.suite;
    let groups = project.groups.iter().filter(|group| group.suite == suite.name);
    let of_groups = groups.filter_map(|group| group.specs.as_deref());
    let mut found = BTreeSet::new();
    for globs in of_groups.map(Some).chain([suite.specs.as_deref()]) {
        let wanted = Wanted { globs, exclude: suite.exclude.iter().collect(), ..draft.wanted.clone() };
        found.extend(Matching::new(&wanted, &draft.framework).own_specs(names));
    }
    found
}

/// Leaves out groups that `--spec` leaves nothing of, as long as something is left. A group that is empty by itself
/// is an error: it would pass without a test.
fn without_empty<'p>(
    drafts: Vec<Draft<'p>>,
    selection: &Selection,
    listed: &BTreeMap<CallKey, Listing>,
    trees: &mut Trees<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<Draft<'p>>, ResolveError> {
    let (full, empty): (Vec<Draft<'p>>, Vec<Draft<'p>>) =
        drafts.into_iter().partition(|draft| !draft.matched.specs.is_empty());
    if empty.is_empty() {
        return Ok(full);
    }
    if !full.is_empty() && !selection.specs.is_empty() {
        let labels: Vec<&str> = empty.iter().map(|draft| draft.wanted.label.as_str()).collect();
        notes.push(format!("not submitted, since --spec leaves nothing of them: {}", labels.join(", ")));
        return Ok(full);
    }
    let mut groups = Vec::with_capacity(empty.len());
    for draft in &empty {
        groups.push(empty_group(draft, listed, trees)?);
    }
    Err(ResolveError::NothingMatched(NothingMatched { groups }))
}

fn empty_group(
    draft: &Draft<'_>,
    listed: &BTreeMap<CallKey, Listing>,
    trees: &mut Trees<'_>,
) -> Result<EmptyGroup, ResolveError> {
    let names = names_for(draft, listed, trees)?;
    let unfiltered = match &draft.framework.specs {
        SpecSource::Files { .. } => trees.unfiltered(draft.wanted.suite)?,
        SpecSource::Listed { .. } => Default::default(),
    };
    let near =
        Near { wanted: &draft.wanted, framework: &draft.framework, names: &names, unfiltered: &unfiltered };
    Ok(EmptyGroup {
        label: draft.wanted.label.clone(),
        globs: near.globs(),
        folder: near.folder(),
        hints: near.hints(),
    })
}

/// The group, and what is worth saying of it.
fn group(
    root: &Path,
    draft: Draft<'_>,
    listing: Option<&Listing>,
    tests_of: impl Fn(&str) -> Option<Vec<String>>,
    conflicts: &mut Conflicts,
) -> Result<(GroupSubmission, Vec<String>), ResolveError> {
    let Draft { wanted, built, matched, .. } = draft;
    let suite = wanted.suite.name.clone();
    let settings = &wanted.settings;
    let asked = xunit::Question {
        root,
        suite: wanted.suite,
        settings,
        recipe: &built.recipe,
        listing,
        specs: &matched.specs,
    };
    let framework = asked.answer()?;
    let mut specs = Vec::with_capacity(matched.specs.len());
    for SpecFile { name, size_bytes } in matched.specs {
        if name.chars().any(char::is_control) {
            return Err(ResolveError::SpecName { suite, name });
        }
        let listed = || framework.tests_of(&name).filter(|_| settings.list_tests == Some(true));
        let expected_tests = tests_of(&name).or_else(listed);
        let mut spec = SpecSubmission { name, size_bytes, expected_tests, ..SpecSubmission::default() };
        framework.apply(&mut spec);
        specs.push(spec);
    }
    let mut policy = group_policy(settings, framework.balance);
    policy.split = wanted.rules.apply(&settings.locks, policy.split, &mut specs, conflicts);
    let requirements = settings.requires.iter().chain(built.requirements.iter()).cloned().collect();
    let group = GroupSubmission {
        label: wanted.label,
        suite,
        requirements: Requirements::new(requirements),
        policy,
        recipe: built.recipe,
        specs,
        overhead: None,
    };
    Ok((group, framework.notes))
}

/// What a person types in the workspace to run a spec of a submission by hand. None where there is no such group,
/// or its recipe makes no sense.
pub fn reproduce(submission: &Submission, label: &str, spec: &str) -> Option<String> {
    let group = submission.groups.iter().find(|group| group.label == label)?;
    part_frameworks::reproduce(&group.recipe, spec).ok()
}
