//! A host: namespaces with an agent in them.

use crate::agent::{Answer, Order};
use crate::process::{Ended, Process};
use crate::{During, Trouble};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the agent may take for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What to start on a host.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    user: Option<u32>,
    folder: Option<PathBuf>,
    log: String,
}

impl Launch {
    /// A program, with a `PATH` and nothing else in its environment, as root, in the root folder.
    pub fn of(program: impl Into<PathBuf>) -> Launch {
        let program = program.into();
        let log = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
        let env = BTreeMap::from([("PATH".to_owned(), path), ("LC_ALL".to_owned(), "C.UTF-8".to_owned())]);
        Launch { program, args: Vec::new(), env, user: None, folder: None, log }
    }

    /// With these arguments, after those that it has.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Launch {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Launch {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// As this user and group.
    pub fn user(mut self, user: u32) -> Launch {
        self.user = Some(user);
        self
    }

    /// In this folder.
    pub fn inside(mut self, folder: impl Into<PathBuf>) -> Launch {
        self.folder = Some(folder.into());
        self
    }

    /// Logging to files of this name, which processes may share.
    pub fn log(mut self, name: impl Into<String>) -> Launch {
        self.log = name.into();
        self
    }
}

/// What a program said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// All of it, or a complaint with all that was said unless it exited with this code.
    pub fn expect(self, what: &str, code: i32) -> Result<Said, Trouble> {
        if self.ended.code == Some(code) {
            return Ok(self);
        }
        let Said { ended, out, err } = &self;
        Err(Trouble(format!(
            "{what} ended with {ended:?} instead of {code}\n--- stdout\n{out}--- stderr\n{err}"
        )))
    }
}

/// Namespaces with an agent. Everything in them ends with it.
#[derive(Debug)]
pub struct Host {
    name: String,
    address: Ipv4Addr,
    logs: PathBuf,
    outer: Mutex<Child>,
    orders: Mutex<Orders>,
    known: Arc<Known>,
}

/// The way to the agent, for one order at a time.
#[derive(Debug)]
struct Orders {
    /// None once the host is down.
    pipe: Option<ChildStdin>,
    /// How many things were run, for the names of their files.
    runs: u32,
}

/// What the agent has said.
#[derive(Debug, Default)]
struct Known {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<Answer>,
    ended: BTreeMap<i32, Ended>,
    closed: bool,
}

impl Host {
    /// Makes a host without a cable.
    pub(crate) fn make(agent: &Path, name: &str, address: Ipv4Addr, logs: &Path) -> Result<Host, Trouble> {
        let mut outer = Command::new(agent)
            .args(["host", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .during(format!("making the host {name}"))?;
        let pipe = outer.stdin.take();
        let answers = outer.stdout.take().during("the agent has no output")?;
        let known = Arc::new(Known::default());
        let told = Arc::clone(&known);
        std::thread::spawn(move || told.listen(answers));
        let host = Host {
            name: name.to_owned(),
            address,
            logs: logs.to_owned(),
            outer: Mutex::new(outer),
            orders: Mutex::new(Orders { pipe, runs: 0 }),
            known,
        };
        let first = host.known.answer()?;
        match first == Answer::Ready {
            true => Ok(host),
            false => Err(Trouble(format!("the agent of {name} began with {first:?}"))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the wire.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Runs a program in this host's network only, from outside: for wires and rules.
    pub(crate) fn in_network(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.network())).arg("--").arg(program);
        command
    }

    /// The process outside that names this host's network.
    pub(crate) fn network(&self) -> u32 {
        guarded(&self.outer).id()
    }

    /// Starts a program.
    pub fn start(self: &Arc<Self>, launch: Launch) -> Result<Process, Trouble> {
        let what = format!("{} on {}", launch.log, self.name);
        let file = |kind: &str| self.logs.join(format!("{}.{}.{kind}", self.name, launch.log));
        let (stdout, stderr) = (file("out"), file("log"));
        let order = Order::Start {
            program: launch.program,
            args: launch.args,
            env: launch.env,
            folder: launch.folder.unwrap_or_else(|| "/".into()),
            user: launch.user,
            stdout: stdout.clone(),
            stderr: stderr.clone(),
        };
        let answer = self.tell(&order)?;
        let Answer::Started { pid } = answer else {
            return Err(Trouble(format!("starting {what}: {answer:?}")));
        };
        Ok(Process { host: Arc::clone(self), pid, what, stdout, stderr })
    }

    /// Runs a program to its end.
    pub fn run(self: &Arc<Self>, launch: Launch, limit: Duration) -> Result<Said, Trouble> {
        let count = {
            let mut orders = guarded(&self.orders);
            orders.runs += 1;
            orders.runs
        };
        let log = format!("{}-{count}", launch.log);
        let process = self.start(launch.log(log))?;
        let ended = process.wait(limit);
        let text = |path: &Path| std::fs::read(path).during(format!("reading {}", path.display()));
        let (out, err) = (text(process.stdout())?, text(process.stderr())?);
        let said = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (out, err) = (said(out), said(err));
        match ended {
            Ok(ended) => Ok(Said { ended, out, err }),
            Err(trouble) => {
                process.kill()?;
                Err(Trouble(format!("{trouble}\n--- stdout\n{out}--- stderr\n{err}")))
            }
        }
    }

    /// Sends a signal to one process.
    pub(crate) fn signal(&self, pid: i32, signal: Signal) -> Result<(), Trouble> {
        self.done(&Order::Signal { pid, signal: signal as i32 })
    }

    /// Sends a signal to every process of the host.
    pub fn signal_all(&self, signal: Signal) -> Result<(), Trouble> {
        self.done(&Order::SignalAll { signal: signal as i32 })
    }

    /// Power failure: every process is gone at once, no word to anybody. The host can be used again.
    pub fn kill_all(&self) -> Result<(), Trouble> {
        self.done(&Order::KillAll)
    }

    fn done(&self, order: &Order) -> Result<(), Trouble> {
        let answer = self.tell(order)?;
        match answer == Answer::Done {
            true => Ok(()),
            false => Err(Trouble(format!("{order:?} on {}: {answer:?}", self.name))),
        }
    }

    fn tell(&self, order: &Order) -> Result<Answer, Trouble> {
        let mut line = serde_json::to_string(order).during("wording an order")?;
        line.push('\n');
        let mut orders = guarded(&self.orders);
        let pipe = orders.pipe.as_mut().during(format!("the host {} is down", self.name))?;
        pipe.write_all(line.as_bytes()).during(format!("telling the agent of {}", self.name))?;
        // The lock is kept until the answer is there: one order at a time.
        self.known.answer()
    }

    /// How a process ended, if it has.
    pub(crate) fn ended(&self, pid: i32) -> Option<Ended> {
        guarded(&self.known.state).ended.get(&pid).copied()
    }

    /// Waits for the end of a process.
    pub(crate) fn wait(&self, pid: i32, what: &str, limit: Duration) -> Result<Ended, Trouble> {
        let late = || Trouble(format!("{what} has not ended within {limit:?}"));
        self.known.wait(limit, |state| state.ended.get(&pid).copied())?.ok_or_else(late)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The agent ends at the end of its input, everything on the host with it, and then its parent.
        drop(guarded(&self.orders).pipe.take());
        drop(guarded(&self.outer).wait());
    }
}

impl Known {
    fn listen(&self, answers: ChildStdout) {
        for line in BufReader::new(answers).lines() {
            let Ok(answer) = line.map_err(drop).and_then(|line| serde_json::from_str(&line).map_err(drop))
            else {
                break;
            };
            let mut state = guarded(&self.state);
            match answer {
                Answer::Ended { pid, code, signal } => {
                    state.ended.insert(pid, Ended { code, signal });
                }
                Answer::Started { pid } => {
                    // Numbers come round again.
                    state.ended.remove(&pid);
                    state.answer = Some(answer);
                }
                Answer::Ready | Answer::Done | Answer::Refused { .. } => state.answer = Some(answer),
            }
            drop(state);
            self.changed.notify_all();
        }
        guarded(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn answer(&self) -> Result<Answer, Trouble> {
        self.wait(ANSWER, |state| state.answer.take())?.during("the agent of a host has not answered in time")
    }

    /// Waits for something in what the agent said; none when it does not come in time.
    fn wait<T>(&self, limit: Duration, find: impl Fn(&mut State) -> Option<T>) -> Result<Option<T>, Trouble> {
        let until = Instant::now() + limit;
        let mut state = guarded(&self.state);
        loop {
            if let Some(found) = find(&mut state) {
                return Ok(Some(found));
            }
            if state.closed {
                return Err(Trouble::new("the agent of a host is gone, and everything there with it"));
            }
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
            else {
                return Ok(None);
            };
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A lock is fine after a panic, too: then only cleaning up is left.
fn guarded<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
