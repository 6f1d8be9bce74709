//! Running other programs.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What a program that ran to its end left behind.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Ended {
    pub(crate) fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs `command` with the terminal as its own.
///
/// # Errors
/// When it cannot start, or ends with anything but 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    ensure!(status.success(), "{} failed ({status})", line(command));
    Ok(())
}

/// Ends as `command`: where the system can, in this very process, so that signals reach it.
///
/// # Errors
/// As [`run`].
pub(crate) fn become_it(command: &mut Command) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(error).with_context(|| format!("cannot start {}", name(command)))
    }
    #[cfg(not(unix))]
    run(command)
}

/// Runs `command`, shows what it prints as it comes, and keeps its standard output.
///
/// # Errors
/// When it cannot start; a bad end is in [`Ended::code`].
pub(crate) fn watch(command: &mut Command) -> Result<Ended> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let mut stdout = String::new();
    let mut pipe = BufReader::new(child.stdout.take().context("no pipe")?);
    let mut bytes = Vec::new();
    while pipe.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        stdout.push_str(&text);
        bytes.clear();
    }
    Ok(Ended { stdout, code: child.wait()?.code() })
}

/// Runs `command` quietly for its standard output.
///
/// # Errors
/// When it cannot start, or ends with anything but 0; then with what it said.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {}", line(command), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `command` starts and ends with 0; nothing is shown.
pub(crate) fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The same command at a low priority, where systems have a way to ask for it. Its environment is ours.
pub(crate) fn niced(command: &Command) -> Command {
    let nice: &[&str] = if cfg!(unix) { &["nice", "-n", "10"] } else { &[] };
    let mut words: Vec<&OsStr> = nice.iter().map(OsStr::new).collect();
    words.push(command.get_program());
    words.extend(command.get_args());
    let mut niced = Command::new(words[0]);
    niced.args(&words[1..]);
    if let Some(folder) = command.get_current_dir() {
        niced.current_dir(folder);
    }
    niced
}

/// Node, asked to run `script` from `folder`.
pub(crate) fn node(folder: &Path, script: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder).arg(script);
    command
}

/// An npm script of the package in `folder`.
pub(crate) fn npm(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["run", "--silent", script]);
    command
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn line(command: &Command) -> String {
    let program = command.get_program();
    let program = Path::new(program).file_name().unwrap_or(program);
    let words = [program].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
