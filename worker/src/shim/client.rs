//! The worker's side of a shim.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::error::Elapsed;
use tokio_util::task::AbortOnDropHandle;

use super::error::ShimError;
use super::folder::Folder;
use super::protocol::{
    ExitRecord, Line, Mode, PROTOCOL, Request, Response, RunOrder, ShimInfo, Started, StatusReport, StopMode,
    TailChunk,
};
use super::server::mode_flag;
use super::{TAG_VARIABLE, bounds, reap_orphans};

/// A connection to a shim. Dropping it leaves a detached shim to itself and ends a tied one.
///
/// All methods may be called at the same time, and given up at any point.
#[derive(Debug)]
pub struct ShimHandle {
    folder: Folder,
    info: ShimInfo,
    lines: mpsc::Sender<Vec<u8>>,
    answers: Arc<Answers>,
    known: watch::Receiver<Known>,
    next_id: AtomicU64,
    _reader: AbortOnDropHandle<()>,
}

/// Who waits for which answer.
type Answers = Mutex<HashMap<u64, oneshot::Sender<Response>>>;

/// What is known of the shim. A level, not a stream of events: whoever asks late misses nothing.
#[derive(Clone, Debug, Default)]
struct Known {
    running: Option<String>,
    last: Option<Arc<ExitRecord>>,
    end: Option<End>,
}

/// How a connection ended.
#[derive(Clone, Debug)]
enum End {
    Lost(String),
    Replaced,
}

impl ShimHandle {
    /// Starts a shim in `dir` and connects to it: `EXE VERB_ARGS… --dir DIR --tied|--detached`. What an
    /// earlier shim left there is ended first.
    ///
    /// # Errors
    ///
    /// When it cannot be started or is not ready in time (its own words are in the error), or when
    /// processes of an earlier shim cannot be killed.
    pub async fn launch(
        exe: &Path,
        verb_args: &[OsString],
        dir: &Path,
        mode: Mode,
    ) -> Result<ShimHandle, ShimError> {
        let folder = Folder::new(dir)?;
        folder.create()?;
        clear_up(&folder).await?;
        let log = std::fs::File::create(folder.log()).map_err(ShimError::io("creating", folder.log()))?;
        let mut child = Command::new(exe)
            .args(verb_args)
            .arg("--dir")
            .arg(folder.path())
            .arg(mode_flag(mode))
            .env(TAG_VARIABLE, new_tag())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|source| ShimError::Launch { exe: exe.to_owned(), source })?;
        let said = tokio::time::timeout(bounds::LAUNCH_LIMIT, first_line(child.stdout.take())).await;
        if !matches!(&said, Ok(Ok(line)) if line == "ready\n") {
            let detail = not_ready(&mut child, &folder, said).await;
            return Err(ShimError::NotReady { exe: exe.to_owned(), dir: dir.to_owned(), detail });
        }
        ShimHandle::connect(folder, Some(child)).await
    }

    /// Connects to the shim that runs in `dir`, taking it over from an earlier controller. What it runs or
    /// ran is then known: see [`ShimHandle::status`].
    ///
    /// # Errors
    ///
    /// [`ShimError::Connect`] when no shim listens there.
    pub async fn attach(dir: &Path) -> Result<ShimHandle, ShimError> {
        let handle = ShimHandle::connect(Folder::new(dir)?, None).await?;
        handle.status().await?;
        Ok(handle)
    }

    async fn connect(folder: Folder, child: Option<Child>) -> Result<ShimHandle, ShimError> {
        let failed = |source| ShimError::Connect { dir: folder.path().to_owned(), source };
        let socket = folder.socket()?;
        let stream = UnixStream::connect(socket.as_path()).await.map_err(failed)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut incoming = Vec::new();
        let hello = Line { id: Some(0), say: Request::Hello { oldest: PROTOCOL, newest: PROTOCOL } };
        writer.write_all(&to_line(&hello).map_err(failed)?).await.map_err(failed)?;
        let heard = tokio::time::timeout(bounds::ANSWER_LIMIT, next_line(&mut reader, &mut incoming)).await;
        let dir = folder.path().to_owned();
        let said = match heard {
            Err(_) => return Err(ShimError::Silent { dir, after: bounds::ANSWER_LIMIT }),
            Ok(Err(source)) => return Err(ShimError::Connect { dir, source }),
            Ok(Ok(line)) => line.say,
        };
        if let Response::Refused { reason } = said {
            return Err(ShimError::Refused { dir, reason });
        }
        let Response::Hello(info) = said else {
            return Err(ShimError::Protocol { dir, detail: "no hello in answer to ours".to_owned() });
        };
        let (lines, outgoing) = mpsc::channel(16);
        let (publish, known) = watch::channel(Known::default());
        let answers = Arc::new(Answers::default());
        tokio::spawn(write_lines(writer, outgoing));
        let listen = Listener { reader, incoming, answers: Arc::clone(&answers), publish, child };
        let reader = AbortOnDropHandle::new(tokio::spawn(listen.run()));
        let next_id = AtomicU64::new(1);
        Ok(ShimHandle { folder, info, lines, answers, known, next_id, _reader: reader })
    }

    /// Who the shim is.
    pub fn info(&self) -> &ShimInfo {
        &self.info
    }

    /// The shim's folder.
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Starts an attempt. Its end is told by [`ShimHandle::finished`], also when its program could not be
    /// started.
    ///
    /// # Errors
    ///
    /// [`ShimError::Refused`] when another attempt runs, or the attempt's folder has been used.
    pub async fn start(&self, order: RunOrder) -> Result<Started, ShimError> {
        let Response::Started(started) = self.call(Request::Run(Box::new(order))).await? else {
            return Err(self.unexpected());
        };
        Ok(started)
    }

    /// Waits for the end of an attempt.
    ///
    /// # Errors
    ///
    /// [`ShimError::Lost`] when the shim dies; [`ShimError::UnknownAttempt`] when it neither runs this
    /// attempt nor has its record any more.
    pub async fn finished(&self, attempt: &str) -> Result<Arc<ExitRecord>, ShimError> {
        let settled = |known: &Known| known.end.is_some() || known.running.as_deref() != Some(attempt);
        let known = match self.known.clone().wait_for(settled).await {
            Ok(known) => known.clone(),
            Err(_) => return Err(self.ended()),
        };
        match known.last {
            Some(record) if record.attempt == attempt => Ok(record),
            Some(_) | None if known.end.is_some() => Err(self.ended()),
            Some(_) | None => {
                Err(ShimError::UnknownAttempt { dir: self.dir().to_owned(), attempt: attempt.to_owned() })
            }
        }
    }

    /// Starts an attempt and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`ShimHandle::start`] and [`ShimHandle::finished`].
    pub async fn run(&self, order: RunOrder) -> Result<Arc<ExitRecord>, ShimError> {
        let started = self.start(order).await?;
        self.finished(&started.attempt).await
    }

    /// Orders the end of an attempt; says whether it was running. Its record still comes.
    ///
    /// # Errors
    ///
    /// When the shim is gone or silent.
    pub async fn stop(&self, attempt: &str, mode: StopMode) -> Result<bool, ShimError> {
        let Response::Stopping { running, .. } =
            self.call(Request::Stop { attempt: attempt.to_owned(), mode }).await?
        else {
            return Err(self.unexpected());
        };
        Ok(running)
    }

    /// What runs, and what ended last.
    ///
    /// # Errors
    ///
    /// When the shim is gone or silent.
    pub async fn status(&self) -> Result<StatusReport, ShimError> {
        let Response::Status(report) = self.call(Request::Status).await? else {
            return Err(self.unexpected());
        };
        Ok(*report)
    }

    /// Output of the running attempt from the `from`-th byte on; at most [`super::MAX_TAIL_BYTES`]. Of an
    /// attempt that ended, read the file.
    ///
    /// # Errors
    ///
    /// [`ShimError::Refused`] when this attempt is not running.
    pub async fn tail(&self, attempt: &str, from: u64, max_bytes: u64) -> Result<TailChunk, ShimError> {
        let Response::Tail(chunk) =
            self.call(Request::Tail { attempt: attempt.to_owned(), from, max_bytes }).await?
        else {
            return Err(self.unexpected());
        };
        Ok(chunk)
    }

    /// Ends the shim and waits until it has let go of its folder.
    ///
    /// # Errors
    ///
    /// [`ShimError::Refused`] while an attempt runs.
    pub async fn exit(self) -> Result<(), ShimError> {
        let Response::Leaving = self.call(Request::Exit).await? else {
            return Err(self.unexpected());
        };
        let mut known = self.known.clone();
        let gone = known.wait_for(|known| known.end.is_some());
        match tokio::time::timeout(bounds::ANSWER_LIMIT, gone).await {
            // A listener that ended without a word has nothing left to listen to either.
            Ok(Ok(_) | Err(_)) => Ok(()),
            Err(_) => Err(ShimError::Silent { dir: self.dir().to_owned(), after: bounds::ANSWER_LIMIT }),
        }
    }

    /// Waits until the connection ends, and says why. For whoever watches over an idle shim.
    pub async fn lost(&self) -> ShimError {
        let mut known = self.known.clone();
        // Also when the listener is gone there is nothing more to wait for.
        drop(known.wait_for(|known| known.end.is_some()).await);
        self.ended()
    }

    async fn call(&self, request: Request) -> Result<Response, ShimError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let protocol = |source: io::Error| ShimError::Protocol {
            dir: self.dir().to_owned(),
            detail: source.to_string(),
        };
        let line = Line { id: Some(id), say: request };
        let bytes = to_line(&line).map_err(protocol)?;
        if let Request::Run(order) = &line.say
            && bytes.len() > bounds::MAX_LINE_BYTES
        {
            let (attempt, limit) = (order.attempt.clone(), bounds::MAX_LINE_BYTES);
            return Err(ShimError::OrderTooLarge { attempt, bytes: bytes.len(), limit });
        }
        let (sender, answer) = oneshot::channel();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        if self.known.borrow().end.is_some() || self.lines.send(bytes).await.is_err() {
            return Err(self.lost().await);
        }
        match tokio::time::timeout(bounds::ANSWER_LIMIT, answer).await {
            Ok(Ok(Response::Refused { reason })) => {
                Err(ShimError::Refused { dir: self.dir().to_owned(), reason })
            }
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(self.lost().await),
            Err(_) => Err(ShimError::Silent { dir: self.dir().to_owned(), after: bounds::ANSWER_LIMIT }),
        }
    }

    fn ended(&self) -> ShimError {
        let dir = self.dir().to_owned();
        match self.known.borrow().end.clone() {
            Some(End::Lost(detail)) => ShimError::Lost { dir, detail },
            Some(End::Replaced) => ShimError::Replaced { dir },
            None => ShimError::Lost { dir, detail: "nobody listens to it any more".to_owned() },
        }
    }

    fn unexpected(&self) -> ShimError {
        let detail = "an answer to another question".to_owned();
        ShimError::Protocol { dir: self.dir().to_owned(), detail }
    }
}

/// The task that hears what a shim says.
struct Listener {
    reader: OwnedReadHalf,
    incoming: Vec<u8>,
    answers: Arc<Answers>,
    publish: watch::Sender<Known>,
    child: Option<Child>,
}

impl Listener {
    async fn run(mut self) {
        let end = loop {
            match next_line(&mut self.reader, &mut self.incoming).await {
                Ok(Line { say: Response::Replaced, .. }) => break End::Replaced,
                Ok(line) => self.heard(line),
                Err(error) => break End::Lost(self.post_mortem(&error).await),
            }
        };
        self.publish.send_modify(|known| known.end = Some(end));
        // Whoever still waits for an answer learns that none will come.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn heard(&self, line: Line<Response>) {
        match &line.say {
            Response::Started(started) => self.publish.send_modify(|known| {
                known.running = Some(started.attempt.clone());
                known.last = None;
            }),
            Response::Finished(record) => self.publish.send_modify(|known| {
                known.running = None;
                known.last = Some(Arc::new(ExitRecord::clone(record)));
            }),
            Response::Status(report) => self.publish.send_modify(|known| {
                known.running = report.running.as_ref().map(|running| running.attempt.clone());
                known.last = report.last.clone().map(Arc::new);
            }),
            Response::Hello(_)
            | Response::Stopping { .. }
            | Response::Tail(_)
            | Response::Leaving
            | Response::Replaced
            | Response::Refused { .. } => {}
        }
        let waiting = |id| self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(waiting) = line.id.and_then(waiting) {
            // Who gave up waiting does not want it.
            let _given_up = waiting.send(line.say);
        }
    }

    /// Says how the shim ended, where it is our child.
    async fn post_mortem(&mut self, error: &io::Error) -> String {
        let Some(child) = &mut self.child else { return error.to_string() };
        match tokio::time::timeout(bounds::POST_MORTEM_LIMIT, child.wait()).await {
            Ok(Ok(status)) => format!("it ended with {status}"),
            Ok(Err(cause)) => format!("{error}; its end is unknown: {cause}"),
            Err(_) => format!("{error}, but it still runs"),
        }
    }
}

async fn write_lines(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if writer.write_all(&line).await.is_err() {
            // The listener notices the same end, with its cause.
            return;
        }
    }
}

fn to_line(line: &Line<Request>) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The next line of the shim; what follows it stays in `incoming`.
async fn next_line(reader: &mut OwnedReadHalf, incoming: &mut Vec<u8>) -> io::Result<Line<Response>> {
    let mut searched = 0;
    loop {
        if let Some(length) = incoming[searched..].iter().position(|byte| *byte == b'\n') {
            let rest = incoming.split_off(searched + length + 1);
            let line = std::mem::replace(incoming, rest);
            return Ok(serde_json::from_slice(&line)?);
        }
        searched = incoming.len();
        if searched > bounds::MAX_LINE_BYTES {
            return Err(io::Error::other("it sent a line that is too long"));
        }
        if reader.read_buf(incoming).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"));
        }
    }
}

/// Ends what an earlier shim left in the folder.
async fn clear_up(folder: &Folder) -> Result<(), ShimError> {
    if folder.read_note()?.is_none() {
        return Ok(());
    }
    let dir = folder.path().to_owned();
    let task = tokio::task::spawn_blocking(move || reap_orphans(&dir)).await;
    let reaped = task.map_err(|error| ShimError::System {
        doing: "clearing up behind an earlier shim",
        source: io::Error::other(error),
    })??;
    if reaped.survivors.is_empty() {
        return Ok(());
    }
    Err(ShimError::Haunted { dir: folder.path().to_owned(), count: reaped.survivors.len() })
}

async fn first_line(stdout: Option<ChildStdout>) -> io::Result<String> {
    let mut line = String::new();
    if let Some(stdout) = stdout {
        BufReader::new(stdout.take(64)).read_line(&mut line).await?;
    }
    Ok(line)
}

/// Why a shim is not ready, in its own words if it left any. Ends it.
async fn not_ready(child: &mut Child, folder: &Folder, said: Result<io::Result<String>, Elapsed>) -> String {
    let how = match said {
        Err(_) => format!("no word within {:?}", bounds::LAUNCH_LIMIT),
        Ok(Ok(line)) if !line.is_empty() => format!("it said {line:?} instead"),
        // It closed its output: most likely it ended.
        Ok(Ok(_) | Err(_)) => match tokio::time::timeout(bounds::POST_MORTEM_LIMIT, child.wait()).await {
            Ok(Ok(status)) => format!("it ended with {status}"),
            Ok(Err(error)) => format!("its end is unknown: {error}"),
            Err(_) => "it closed its output".to_owned(),
        },
    };
    // It may have ended by itself in the meantime.
    let _ended_already = child.start_kill();
    match read_start(&folder.log()).await {
        Ok(log) if !log.trim().is_empty() => format!("{how}; {}", log.trim()),
        Ok(_) | Err(_) => how,
    }
}

async fn read_start(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(bounds::LOG_QUOTE_BYTES).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A tag that no other shim of this host has or had.
fn new_tag() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}-{number}", std::process::id(), now.as_nanos())
}
