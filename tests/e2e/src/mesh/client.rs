//! `partctl` on a host of its own, knowing several daemons.

use crate::{During, Events, Host, Launch, PATIENCE, Process, Project, Said, Trouble, wait_until};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A person at a terminal.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) host: Arc<Host>,
    pub(super) partctl: PathBuf,
    pub(super) home: PathBuf,
    /// `HOST:PORT` of the daemons that are asked, in this order.
    pub servers: Vec<String>,
}

impl Client {
    /// The same client with other daemons to ask.
    pub fn at<S: Into<String>>(&self, servers: impl IntoIterator<Item = S>) -> Client {
        Client { servers: servers.into_iter().map(Into::into).collect(), ..self.clone() }
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn launch(&self, args: &[&str]) -> Launch {
        let verb = args.first().copied().unwrap_or_default();
        Launch::of(&self.partctl)
            .log(format!("partctl-{verb}"))
            .args(["--server", &self.servers.join(","), "--output", "json"])
            .args(args.iter().copied())
            .env("HOME", self.home.display().to_string())
            .env("NO_COLOR", "1")
            .inside(&self.home)
    }

    /// Runs a verb to its end, whatever that is.
    pub fn run(&self, args: &[&str], limit: Duration) -> Result<Said, Trouble> {
        self.host.run(self.launch(args), limit)
    }

    /// Runs a verb that must succeed; gives the lines of its answer.
    pub fn ask(&self, args: &[&str]) -> Result<Vec<Value>, Trouble> {
        let what = format!("partctl {}", args.join(" "));
        let said = self.run(args, PATIENCE)?.expect(&what, 0)?;
        let parse = |line: &str| serde_json::from_str(line).during(format!("{what} said {line:?}"));
        said.out.lines().map(parse).collect()
    }

    /// Submits a project and gives the run's id.
    pub fn submit(&self, project: &Project) -> Result<String, Trouble> {
        let folder = project.folder.display().to_string();
        let lines = self.ask(&["submit", "--detach", "-C", &folder])?;
        let submitted = lines.iter().find(|line| line.get("event").is_some_and(|event| event == "submitted"));
        let run = submitted.and_then(|line| line.get("run")?.as_str());
        run.map(str::to_owned).during(format!("submit did not tell the run: {lines:?}"))
    }

    /// Follows a run from its first event in a process of its own.
    pub fn watch(&self, run: &str) -> Result<Watching, Trouble> {
        let launch = self.launch(&["watch", run]).log(format!("partctl-watch-{run}-{}", crate::now_ms()));
        Ok(Watching { process: self.host.start(launch)? })
    }

    /// All events of a finished run, from the ledger.
    pub fn all_events(&self, run: &str) -> Result<Events, Trouble> {
        let said = self.run(&["watch", run], PATIENCE)?;
        match said.ended.code {
            // A run that failed is told as well as one that passed.
            Some(0 | 1) => Events::parse(&said.out),
            _ => said.expect("partctl watch", 0).map(|_| Events::default()),
        }
    }

    /// What `show` tells of a run.
    pub fn show(&self, run: &str) -> Result<Vec<Value>, Trouble> {
        self.ask(&["show", run])
    }

    /// Names of the workers whose link is in this state.
    pub fn workers(&self, link: &str) -> Result<Vec<String>, Trouble> {
        let lines = self.ask(&["workers"])?;
        let of = |line: &Value| {
            Some((line.get("worker")?.as_str()?.to_owned(), line.get("link")?.as_str()? == link))
        };
        let mut names: Vec<String> =
            lines.iter().filter_map(of).filter(|(_, is)| *is).map(|(name, _)| name).collect();
        names.sort();
        Ok(names)
    }
}

/// A client that follows a run; what it writes can be read while it runs.
#[derive(Clone, Debug)]
pub struct Watching {
    process: Process,
}

impl Watching {
    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What it has told so far.
    pub fn events(&self) -> Result<Events, Trouble> {
        let path = self.process.stdout();
        let text = std::fs::read(path).during(format!("reading {}", path.display()))?;
        Events::parse(&String::from_utf8_lossy(&text))
    }

    /// Waits for something in what it tells.
    pub fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        find: impl Fn(&Events) -> Option<T>,
    ) -> Result<T, Trouble> {
        wait_until(what, limit, || {
            if let Some(found) = find(&self.events()?) {
                return Ok(Some(found));
            }
            match self.process.ended() {
                Some(ended) => {
                    Err(Trouble(format!("the watch ended with {ended:?} before {what}: {}", self.said())))
                }
                None => Ok(None),
            }
        })
    }

    /// Waits for the end of the run and of the watch; gives all that it told.
    pub fn wait(&self, limit: Duration) -> Result<Events, Trouble> {
        let ended = self.process.wait(limit);
        let events = self.events()?;
        match ended {
            Ok(ended) if matches!(ended.code, Some(0 | 1)) => Ok(events),
            Ok(ended) => Err(Trouble(format!("the watch ended with {ended:?}: {}", self.said()))),
            Err(trouble) => {
                let decided = events.count("spec_decided");
                let last = events.0.last().map(|event| event.json.to_string()).unwrap_or_default();
                Err(Trouble(format!("{trouble}; {decided} specs are decided, the last event is {last}")))
            }
        }
    }

    fn said(&self) -> String {
        let bytes = std::fs::read(self.process.stderr()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
