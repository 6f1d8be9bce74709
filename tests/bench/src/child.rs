//! A measured process, and what is said to it: a JSON line on its input, one back on its output.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child as Running, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// What a measured process is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Make accounts `prefix` + number.
    Users { prefix: String, count: usize },
    /// Make each of them friends with the `each` next ones, around the ring.
    Ring { prefix: String, count: usize, each: usize },
    /// Make every even one friends with the one behind it.
    Pairs { prefix: String, count: usize },
    /// Make a sign-in for each of a run of them, on a device never seen before.
    Mint { prefix: String, from: usize, count: usize },
    /// Say what was used up.
    Used,
}

/// What it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It serves there.
    Ready(SocketAddr),
    /// Done.
    Done,
    /// Refresh tokens.
    Minted(Vec<Vec<u8>>),
    /// What was used up.
    Used(Used),
    /// It could not.
    Failed(String),
}

/// What a process has used up since it started.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Used {
    /// CPU time of all its threads, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Commits of its store, each with one sync.
    pub(crate) commits: u64,
}

impl Used {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            commits: self.commits.saturating_sub(earlier.commits),
        }
    }

    /// CPU time per one of `count`, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a measured time has three digits")]
    pub(crate) fn micros_each(self, count: u64) -> f64 {
        self.cpu_ns as f64 / 1_000.0 / count as f64
    }
}

/// CPU time of this process.
pub(crate) fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0) * 1_000_000_000 + nanos.unwrap_or(0)
}

/// The other side: answers what comes in, until there is no more.
///
/// # Errors
/// Where the lines cannot be read or written.
pub(crate) fn answer_all(ready: SocketAddr, mut on: impl FnMut(Ask) -> Answer) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut say = |answer: &Answer| -> Result<()> {
        writeln!(out, "{}", serde_json::to_string(answer)?)?;
        Ok(out.flush()?)
    };
    say(&Answer::Ready(ready))?;
    for line in std::io::stdin().lines() {
        say(&on(serde_json::from_str(&line?)?))?;
    }
    Ok(())
}

/// A process of ours. It ends when its input does, and is waited for.
#[derive(Debug)]
pub(crate) struct Child {
    running: Running,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Child {
    /// Starts this program again with other arguments; it serves when this returns.
    pub(crate) fn start(args: &[String]) -> Result<Self> {
        let program = std::env::current_exe().context("this program is not found")?;
        let mut running = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("this program does not start")?;
        let asks = running.stdin.take();
        let answers = running.stdout.take().context("a child without an output")?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut child = Self { running, asks, answers: BufReader::new(answers), address };
        let said = child.hear()?;
        let Answer::Ready(address) = said else {
            bail!("a child said {said:?} before it was ready");
        };
        child.address = address;
        Ok(child)
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks and waits.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Answer> {
        let asks = self.asks.as_mut().context("the child was ended")?;
        writeln!(asks, "{}", serde_json::to_string(ask)?)?;
        asks.flush()?;
        let answer = self.hear()?;
        if let Answer::Failed(why) = answer {
            bail!("{ask:?}: {why}");
        }
        Ok(answer)
    }

    /// What it has used up.
    pub(crate) fn used(&mut self) -> Result<Used> {
        let said = self.ask(&Ask::Used)?;
        let Answer::Used(used) = said else {
            bail!("asked what it used, a child said {said:?}");
        };
        Ok(used)
    }

    /// Sign-ins for a run of accounts.
    pub(crate) fn mint(&mut self, prefix: &str, from: usize, count: usize) -> Result<Vec<Vec<u8>>> {
        let said = self.ask(&Ask::Mint { prefix: prefix.to_owned(), from, count })?;
        let Answer::Minted(tokens) = said else {
            bail!("asked for sign-ins, a child said {said:?}");
        };
        Ok(tokens)
    }

    /// Its memory in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kib: u64 = kib.context("no VmRSS")?.trim().parse()?;
        Ok(kib * 1024)
    }

    fn hear(&mut self) -> Result<Answer> {
        let mut line = String::new();
        let count = self.answers.read_line(&mut line)?;
        ensure!(count > 0, "a child ended");
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.asks = None;
        let _ = self.running.wait();
    }
}
