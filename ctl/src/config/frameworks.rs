//! What part.toml says about frameworks: its own tables, and what a suite of a bare framework has to add.

use super::decode::{Findings, Section, checked};
use super::suggest::did_you_mean;
use super::values::check_name;
use part_core::ReportFormat;
use part_frameworks::table::{Catalogue, Framework, FrameworkTable, ReportTable, TableError, Tables};
use part_frameworks::{Placeholder, Template};
use std::ops::Range;
use toml::de::{DeValue, ValueDeserializer};
use toml::{Spanned, de::DeTable};

/// The frameworks of a project.
pub(crate) struct Frameworks {
    /// The built-in ones and those of `[frameworks]` that are right.
    pub(crate) catalogue: Catalogue,
    /// Names of `[frameworks]` that are wrong, which has been reported.
    pub(crate) broken: Vec<String>,
}

/// The built-in frameworks and those of `[frameworks]`.
pub(crate) fn decode_frameworks(top: &Section<'_, '_>, findings: &mut Findings<'_>) -> Frameworks {
    let builtin = Catalogue::builtin();
    let mut broken = Vec::new();
    let Some(all) = top.section("frameworks", findings) else {
        return Frameworks { catalogue: builtin, broken };
    };
    let mut tables = Tables::new();
    for (name, value) in all.entries() {
        checked(findings, name.span(), check_name("framework name", name.get_ref()));
        match decode_table(name.get_ref(), value, findings) {
            Some(table) => drop(tables.insert(name.get_ref().clone().into_owned(), table)),
            None => broken.push(name.get_ref().clone().into_owned()),
        }
    }
    // The catalogue stops at the first table that makes no sense: leave it out to find the next one.
    loop {
        leave_out_dependents(&mut tables, &mut broken, &builtin);
        let error = match builtin.clone().with_user(tables.clone()) {
            Ok(catalogue) => return Frameworks { catalogue, broken },
            Err(error) => error,
        };
        let Some(blamed) = blame(&error, &tables) else {
            findings.error(all.at.clone(), error.to_string());
            broken.extend(tables.into_keys());
            return Frameworks { catalogue: builtin, broken };
        };
        report_table_error(&error, &blamed, &all, &builtin, &tables, findings);
        tables.remove(&blamed);
        broken.push(blamed);
    }
}

/// What builds on a broken table cannot be judged.
fn leave_out_dependents(tables: &mut Tables, broken: &mut Vec<String>, builtin: &Catalogue) {
    loop {
        let depends = |table: &FrameworkTable| {
            table.extends.as_ref().is_some_and(|base| broken.contains(base) && builtin.get(base).is_err())
        };
        let Some(name) = tables.iter().find(|(_, table)| depends(table)).map(|(name, _)| name.clone()) else {
            return;
        };
        tables.remove(&name);
        broken.push(name);
    }
}

fn decode_table(
    name: &str,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Option<FrameworkTable> {
    if !value.get_ref().is_table() {
        let help = format!("write it as a table: [frameworks.{name}]");
        findings.error_with_help(value.span(), format!("framework {name:?} is a table of its own"), help);
        return None;
    }
    let mut unknown = Vec::new();
    let reader = ValueDeserializer::from(value.clone());
    let read = serde_ignored::deserialize(reader, |path| unknown.push(path.to_string()));
    for path in unknown {
        let at = place(value, &path);
        let message = format!("unknown key {path:?} in [frameworks.{name}] is ignored");
        findings
            .warnings
            .push(findings.source.problem(at, message).help("docs/frameworks.md lists the keys"));
    }
    match read {
        Ok(table) => Some(table),
        Err(error) => {
            let error: toml::de::Error = error;
            findings
                .error(error.span().unwrap_or_else(|| value.span()), error.message().trim_end().to_owned());
            None
        }
    }
}

/// The name of the table that an error is about.
fn blame(error: &TableError, tables: &Tables) -> Option<String> {
    match error {
        TableError::Invalid { framework, .. } => tables.contains_key(framework).then(|| framework.clone()),
        TableError::Unknown { name, .. } => {
            let builder = tables.iter().find(|(_, table)| table.extends.as_deref() == Some(name));
            builder.map(|(builder, _)| builder.clone())
        }
        TableError::Circle { name } => tables.contains_key(name).then(|| name.clone()),
        TableError::Parse { .. } | TableError::Read { .. } => None,
    }
}

fn report_table_error(
    error: &TableError,
    blamed: &str,
    all: &Section<'_, '_>,
    builtin: &Catalogue,
    tables: &Tables,
    findings: &mut Findings<'_>,
) {
    let Some(value) = all.value(blamed) else { return };
    let header =
        all.entries().into_iter().find(|(name, _)| name.get_ref() == blamed).map(|(name, _)| name.span());
    let at = |key: &str| {
        if find(value, key).is_some() { place(value, key) } else { header.clone().unwrap_or(0..0) }
    };
    match error {
        TableError::Invalid { key, problem, .. } => {
            let message = format!("{key:?} of framework {blamed:?} {problem}");
            findings.error(at(key), message);
        }
        TableError::Unknown { name, .. } => {
            let known: Vec<&str> = builtin.names().chain(tables.keys().map(String::as_str)).collect();
            let help = did_you_mean(name, "known frameworks", known);
            findings.error_with_help(at("extends"), format!("unknown framework {name:?}"), help);
        }
        TableError::Circle { .. } => {
            findings.error(at("extends"), format!("framework {blamed:?} builds on itself"));
        }
        TableError::Parse { message, .. } => findings.error(at(""), message.clone()),
        TableError::Read { .. } => findings.error(at(""), error.to_string()),
    }
}

/// Where a dotted key is within a value: as much of it as there is.
fn place(value: &Spanned<DeValue<'_>>, key: &str) -> Range<usize> {
    find(value, key).unwrap_or_else(|| value.span())
}

fn find(value: &Spanned<DeValue<'_>>, key: &str) -> Option<Range<usize>> {
    let mut at = None;
    let mut value = value;
    for part in key.split(['.', '[', ']']).filter(|part| !part.is_empty() && *part != "?") {
        let next = match value.get_ref() {
            DeValue::Table(table) => entry(table, part),
            DeValue::Array(list) => {
                part.parse().ok().and_then(|place: usize| list.get(place)).map(|value| (value.span(), value))
            }
            DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => None,
            DeValue::Datetime(_) => None,
        };
        let Some((found, inner)) = next else { break };
        at = Some(found);
        value = inner;
    }
    at
}

fn entry<'a, 'd>(table: &'a DeTable<'d>, key: &str) -> Option<(Range<usize>, &'a Spanned<DeValue<'d>>)> {
    table.get_key_value(key).map(|(key, value)| (key.span(), value))
}

/// The command of a suite whose framework has none.
pub(crate) fn decode_command(
    section: &Section<'_, '_>,
    framework: &Framework,
    findings: &mut Findings<'_>,
) -> Option<Vec<Template>> {
    let name = &framework.name;
    match (section.value("command"), &framework.command) {
        (None, Some(_)) => return None,
        (None, None) => {
            let message =
                format!("[{}] has no command, and framework {name:?} has none of its own", section.name);
            findings.error_with_help(
                section.at.clone(),
                message,
                "add one, like command = [\"sh\", \"{spec}\"]",
            );
            return None;
        }
        (Some(value), Some(_)) => {
            let help = format!("for another command, define [frameworks.NAME] with extends = {name:?}");
            findings.error_with_help(value.span(), format!("framework {name:?} has its own command"), help);
            return None;
        }
        (Some(_), None) => {}
    }
    let whole = section.value("command").map_or_else(|| section.at.clone(), Spanned::span);
    let texts = section.texts("command", findings)?;
    let command = templates(&texts, findings);
    if command.len() < texts.len() {
        return None;
    }
    let speaks_of = |wanted| command.iter().any(|part| part.mentions(&wanted));
    if command.first().is_none_or(|program| program.pieces().is_empty()) {
        findings.error_with_help(whole, "the command names no program", "write it like [\"sh\", \"{spec}\"]");
        return None;
    }
    if !speaks_of(Placeholder::Spec) && !speaks_of(Placeholder::Specs) {
        let help = "put \"{spec}\" where the spec belongs";
        findings.error_with_help(
            whole,
            "the command does not mention {spec}: every spec would run the same",
            help,
        );
        return None;
    }
    Some(command)
}

/// Texts with placeholders; one that is wrong is reported and left out.
pub(crate) fn templates(texts: &[Spanned<String>], findings: &mut Findings<'_>) -> Vec<Template> {
    let mut templates = Vec::with_capacity(texts.len());
    for text in texts {
        if text.get_ref().contains('\0') {
            findings.error(text.span(), "no program takes a NUL character");
        } else {
            templates.extend(checked(findings, text.span(), text.get_ref().parse()));
        }
    }
    templates
}

/// `report = "FORMAT:PLACE"` of a suite whose framework does not say where its results are.
pub(crate) fn decode_report(
    section: &Section<'_, '_>,
    framework: &Framework,
    findings: &mut Findings<'_>,
) -> Option<ReportTable> {
    let written = section.text("report", findings)?;
    if framework.command.is_some() {
        let help =
            format!("for another report, define [frameworks.NAME] with extends = {:?}", framework.name);
        findings.error_with_help(
            written.span(),
            format!("framework {:?} has its own report", framework.name),
            help,
        );
        return None;
    }
    let (format, place) = match written.get_ref().split_once(':') {
        Some((format, place)) => (format.trim(), Some(place.trim())),
        None => (written.get_ref().trim(), None),
    };
    let Some(format) = format_named(format) else {
        let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        let help = did_you_mean(format, "report formats", names);
        findings.error_with_help(written.span(), format!("unknown report format {format:?}"), help);
        return None;
    };
    let file =
        |text: &str, findings: &mut Findings<'_>| checked(findings, written.span(), text.parse::<Template>());
    let table = ReportTable { format: Some(format), file: None, stdout: None };
    match (format, place) {
        (ReportFormat::ExitCode, None) => Some(table),
        (ReportFormat::ExitCode, Some(_)) => {
            findings.error(written.span(), "an exit code has no place; write report = \"exit-code\"");
            None
        }
        (_, Some("-")) => Some(ReportTable { stdout: Some(true), ..table }),
        (_, Some("")) => {
            findings.error(written.span(), "the report's place is missing after the colon");
            None
        }
        (_, Some(place)) => Some(ReportTable { file: Some(file(place, findings)?), ..table }),
        (ReportFormat::Tap | ReportFormat::GoJson | ReportFormat::NextestJson, None) => {
            Some(ReportTable { stdout: Some(true), ..table })
        }
        (_, None) => Some(ReportTable { file: Some(file("{report}", findings)?), ..table }),
    }
}

/// What each format is called, the common ones first.
pub(super) const FORMATS: [(&str, ReportFormat); 12] = [
    ("junit", ReportFormat::Junit),
    ("tap", ReportFormat::Tap),
    ("ctrf", ReportFormat::Ctrf),
    ("exit-code", ReportFormat::ExitCode),
    ("trx", ReportFormat::Trx),
    ("go-json", ReportFormat::GoJson),
    ("nextest-json", ReportFormat::NextestJson),
    ("jest-json", ReportFormat::JestJson),
    ("mocha-json", ReportFormat::MochaJson),
    ("playwright-json", ReportFormat::PlaywrightJson),
    ("pytest-report-log", ReportFormat::PytestReportLog),
    ("xcresult-json", ReportFormat::XcresultJson),
];

fn format_named(name: &str) -> Option<ReportFormat> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
}

/// Warns where a suite or group names a browser that the framework does not know. Only a warning: what is known may
/// depend on the workspace, and it is an error as soon as it is used.
pub(crate) fn check_browser(section: &Section<'_, '_>, framework: &Framework, findings: &mut Findings<'_>) {
    let Some(value) = section.value("browser") else { return };
    let Some(browser) = value.get_ref().as_str() else { return };
    if framework.browsers.is_empty() || framework.browsers.contains_key(browser) {
        return;
    }
    let message = format!("framework {:?} does not know the browser {browser:?}", framework.name);
    let help = did_you_mean(browser, "known browsers", framework.browsers.keys().map(String::as_str));
    findings.warnings.push(findings.source.problem(value.span(), message).help(help));
}
