//! The program run to its end.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::binary;

/// What a run of the program came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

impl Ended {
    /// Demands an exit code and one line on standard error that holds `says`.
    ///
    /// # Panics
    /// Where it is otherwise.
    pub fn is_one_line(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        assert!(self.err.contains(says), "{says:?} is not said: {self:?}");
    }
}

/// Runs the program with arguments and all of its input.
///
/// # Panics
/// Where it does not end within 30 s.
#[must_use]
pub fn run(arguments: &[&str], input: &str) -> Ended {
    run_in(&[], arguments, input)
}

/// As [`run`], with more in its environment.
///
/// # Panics
/// Where it does not end within 30 s.
#[must_use]
pub fn run_in(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(binary());
    command.envs(environment.iter().copied());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    // One that ends without reading its input closes the pipe.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    let until = Instant::now() + Duration::from_secs(30);
    while child.try_wait().expect("a child can be waited for").is_none() {
        if Instant::now() > until {
            child.kill().ok();
            panic!("presently {arguments:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it has ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}
