//! `.runsettings`: what VSTest and its adapter for xUnit.net read.

use super::keys::Dialect;
use super::read::members;
use super::settings::{Mode, Origin, Reading, Said, Warning};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::Value;

/// What `.runsettings` says, before anything is read from it: the elements of its two sections, in order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sections {
    /// Those of `<xUnit>`.
    pub(super) xunit: Vec<(String, Value)>,
    /// Those of `<RunConfiguration>`.
    pub(super) run: Vec<(String, Value)>,
    /// Sections that look like `<xUnit>` but are not.
    pub(super) misspelled: Vec<String>,
}

/// Reads a `.runsettings` file. Of several elements with one name the first counts, as it does for the adapter.
pub(super) fn file(file: &str, text: &str) -> Reading {
    match sections(text) {
        Ok(sections) => read(file, &sections),
        Err(what) => Reading {
            warnings: vec![Warning::new(file, "", format!("is no XML, and nothing is read from it: {what}"))],
            ..Reading::default()
        },
    }
}

/// Reads sections, wherever they come from.
pub(super) fn read(file: &str, sections: &Sections) -> Reading {
    let mut reading = members(Dialect::RunSettings, file, first_ones(&sections.xunit));
    for (name, value) in first_ones(&sections.run) {
        run_configuration(file, name, value.as_str().unwrap_or_default(), &mut reading);
    }
    for name in &sections.misspelled {
        let what = "xUnit.net does not know this section: its name is xUnit, in just this case";
        reading.warnings.push(Warning::new(file, name, what));
    }
    reading
}

fn first_ones(members: &[(String, Value)]) -> impl Iterator<Item = &(String, Value)> {
    let is_first = |at: usize, name: &str| !members[..at].iter().any(|(other, _)| other == name);
    members.iter().enumerate().filter(move |(at, (name, _))| is_first(*at, name)).map(|(_, member)| member)
}

/// VSTest's own settings, which go over xUnit.net's.
fn run_configuration(file: &str, name: &str, text: &str, reading: &mut Reading) {
    let key = format!("RunConfiguration.{name}");
    let by = Origin { file: file.to_owned(), key: key.clone() };
    match name {
        "DisableParallelization" => match text.trim().to_ascii_lowercase().as_str() {
            "true" => {
                reading.settings.mode = Some(Said { value: Mode::None, by: by.clone() });
                reading.settings.assemblies = Some(Said { value: false, by });
            }
            "false" => {}
            _ => reading.warnings.push(Warning::new(
                file,
                &key,
                format!("{text:?} is neither true nor false and is ignored"),
            )),
        },
        // Each assembly gets a process of its own, so many at a time; 0 is as many as there are CPUs.
        "MaxCpuCount" => match text.trim().parse::<u32>() {
            Ok(1) => {}
            Ok(count) => {
                reading.settings.assemblies = Some(Said { value: true, by });
                if count > 1 {
                    let what = "lets assemblies run beside each other; how many is up to the mesh";
                    reading.notes.push(Warning::new(file, &key, what));
                }
            }
            Err(_) => reading.warnings.push(Warning::new(
                file,
                &key,
                format!("{text:?} is no number of processes and is ignored; 0 means one for each CPU"),
            )),
        },
        _ => {}
    }
}

/// The elements of the sections that matter.
fn sections(text: &str) -> Result<Sections, String> {
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut sections = Sections::default();
    // Names of the open elements, and the text of the innermost one.
    let mut open: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut had_root = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) | Event::Empty(start) => {
                open.push(String::from_utf8_lossy(start.name().as_ref()).into_owned());
                had_root = true;
                content.clear();
            }
            Event::End(_) => {
                sections.element(&open, &content);
                open.pop();
                content.clear();
            }
            Event::Text(text) => content.push_str(&text.xml10_content().map_err(|error| error.to_string())?),
            Event::CData(text) => content.push_str(&text.xml10_content().map_err(|error| error.to_string())?),
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|error| error.to_string())?;
                content.push_str(resolve_predefined_entity(&name).unwrap_or_default());
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    match open.last() {
        Some(name) => Err(format!("<{name}> is never closed")),
        None if had_root => Ok(sections),
        None => Err("there is no element in it".to_owned()),
    }
}

impl Sections {
    /// Takes in an element that ends.
    fn element(&mut self, open: &[String], content: &str) {
        if let [root, section, name] = open
            && root == "RunSettings"
        {
            self.add(section, name, Value::String(content.to_owned()));
        }
    }

    /// Takes in an element of a section.
    pub(super) fn add(&mut self, section: &str, name: &str, value: Value) {
        let member = (name.to_owned(), value);
        match section {
            "xUnit" => self.xunit.push(member),
            "RunConfiguration" => self.run.push(member),
            near if near.eq_ignore_ascii_case("xUnit")
                && !self.misspelled.iter().any(|known| known == near) =>
            {
                self.misspelled.push(near.to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{Algorithm, Parallel, Threads};

    fn read_body(body: &str) -> Reading {
        file("ci.runsettings", &format!("<?xml version=\"1.0\"?>\n<RunSettings>{body}</RunSettings>"))
    }

    #[test]
    fn both_sections_are_read() {
        let reading = read_body(
            "<RunConfiguration><MaxCpuCount> 0 </MaxCpuCount><ResultsDirectory>x</ResultsDirectory></RunConfiguration>
             <xUnit>
               <!-- four -->
               <MaxParallelThreads>4</MaxParallelThreads><MaxParallelThreads>5</MaxParallelThreads>
               <ParallelAlgorithm>aggressive</ParallelAlgorithm><Seed/>
               <ParallelizeTestCollections>false</ParallelizeTestCollections>
             </xUnit>
             <Other><MaxParallelThreads>9</MaxParallelThreads></Other>",
        );
        let settings = &reading.settings;
        assert_eq!(settings.threads.as_ref().map(|said| said.value), Some(Threads::Count(4)));
        assert_eq!(settings.algorithm.as_ref().map(|said| said.value), Some(Algorithm::Aggressive));
        assert_eq!(settings.parallel().map(|(level, _)| level), Some(Parallel::Assemblies));
        let by = settings.assemblies.as_ref().map(|said| said.by.to_string());
        assert_eq!(by.as_deref(), Some("RunConfiguration.MaxCpuCount (ci.runsettings)"));
        let warned: Vec<&str> = reading.warnings.iter().map(|warning| warning.key.as_str()).collect();
        assert_eq!(warned, ["Seed"], "{:?}", reading.warnings);
    }

    #[test]
    fn disabling_is_the_last_word() {
        let body = |flag: &str| {
            format!(
                "<RunConfiguration><DisableParallelization>{flag}</DisableParallelization></RunConfiguration>
                 <xUnit><ParallelizeAssembly>true</ParallelizeAssembly></xUnit>"
            )
        };
        let level = |text: &str| read_body(&body(text)).settings.parallel().map(|(level, _)| level);
        assert_eq!(level("True"), Some(Parallel::None));
        assert_eq!(level("false"), Some(Parallel::All));
        assert_eq!(read_body(&body("yes")).warnings.len(), 1);
    }

    #[test]
    fn max_cpu_count_is_about_assemblies() {
        for (text, assemblies, warnings) in
            [("0", Some(true), 0), ("1", None, 0), ("4", Some(true), 0), ("-1", None, 1), ("", None, 1)]
        {
            let reading =
                read_body(&format!("<RunConfiguration><MaxCpuCount>{text}</MaxCpuCount></RunConfiguration>"));
            assert_eq!(reading.settings.assemblies.map(|said| said.value), assemblies, "{text}");
            assert_eq!(reading.warnings.len(), warnings, "{text}");
        }
    }

    #[test]
    fn names_have_one_case() {
        let reading = read_body("<XUnit><MaxParallelThreads>4</MaxParallelThreads></XUnit>");
        assert_eq!((reading.settings.threads, reading.warnings.len()), (None, 1));
        let reading = read_body("<xUnit><maxParallelThreads>4</maxParallelThreads></xUnit>");
        assert_eq!(reading.settings.threads, None);
        assert!(reading.warnings[0].what.contains("did you mean \"MaxParallelThreads\""));
    }

    #[test]
    fn what_is_no_xml_is_a_warning() {
        for text in ["", "{", "<RunSettings>", "<RunSettings><xUnit></RunSettings>", "<a/>&"] {
            let reading = file("x", text);
            assert_eq!(reading.settings, Default::default());
            assert_eq!(reading.warnings.len(), 1, "{text}: {:?}", reading.warnings);
        }
        assert_eq!(file("x", "<Else><xUnit><Seed>x</Seed></xUnit></Else>"), Reading::default());
    }
}
