//! What the command line says.

use std::path::PathBuf;

/// What can be measured alone.
const MEASURES: [&str; 4] = ["messages", "presence", "sign-in", "idle"];

/// What to measure, where, and how much of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Few of everything: shows that the benchmark works, not what the server costs.
    pub short: bool,
    /// Where the data directories are made; beside the program where not said.
    pub data: Option<PathBuf>,
    /// One measure alone.
    pub only: Option<String>,
}

impl Options {
    /// Reads the arguments of the judging process.
    ///
    /// # Errors
    /// Says in one line what is wrong.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { short: false, data: None, only: None };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--short" => options.short = true,
                "--data" => options.data = Some(args.next().ok_or("--data wants a path")?.into()),
                "--only" => {
                    let name = args.next().filter(|name| MEASURES.contains(&name.as_str()));
                    let wants = || format!("--only wants one of {}", MEASURES.join(", "));
                    options.only = Some(name.ok_or_else(wants)?);
                }
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        Ok(options)
    }

    /// Whether a measure is asked for.
    #[must_use]
    pub fn wants(&self, measure: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == measure)
    }
}
