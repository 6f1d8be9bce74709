//! Runs every target over its committed inputs, then for a while over inputs changed at random.
//!
//! `replay [--seconds N] [--seed S] [--also FOLDER] [TARGET..]`: N seconds of changed inputs per target,
//! 1 where left out; inputs of FOLDER/TARGET too. Stable Rust, without a fuzzer: what `cargo xtask test` runs. An input that shows a fault is kept
//! under `artifacts/TARGET`. The last line is `N passed, N failed, N skipped`.

#![expect(clippy::print_stdout, reason = "a tool talks to the person at the terminal")]

use std::cell::RefCell;
use std::fs;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use presently_core::rng::Rng;
use presently_fuzz::{TARGETS, Target};

/// A changed input is at most so long.
const INPUT_BYTES_MAX: usize = 8 * 1024;

thread_local!(static PANIC: RefCell<String> = const { RefCell::new(String::new()) });

struct Options {
    seconds: u64,
    seed: u64,
    also: Option<PathBuf>,
    names: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seconds: 1, seed: 1, also: None, names: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or_else(|| format!("{word} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is no number"));
        match word.as_str() {
            "--seconds" => options.seconds = number(next()?)?,
            "--seed" => options.seed = number(next()?)?,
            "--also" => options.also = Some(next()?.into()),
            name if presently_fuzz::target(name).is_some() => options.names.push(name.to_owned()),
            other => return Err(format!("no option and no target `{other}`")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("replay: {why}");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|info| PANIC.set(info.to_string())));
    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|n| n == name);
    let targets: Vec<&Target> = TARGETS.iter().filter(|target| wanted(target.name)).collect();
    // A target on each core: memory is counted, and panics are kept, per thread.
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            failed.fetch_add(usize::from(!run(target, &options)), Ordering::Relaxed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(worker))));
    let failed = failed.into_inner();
    let passed = targets.len() - failed;
    println!("{passed} passed, {failed} failed, 0 skipped");
    ExitCode::from(u8::from(failed > 0))
}

/// Runs one target; whether no input showed a fault. Without committed inputs it counts as one.
fn run(target: &Target, options: &Options) -> bool {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = Vec::new();
    let (corpus, regressions) = (home.join("corpus"), home.join("regressions"));
    for folder in [Some(&corpus), Some(&regressions), options.also.as_ref()].into_iter().flatten() {
        inputs.extend(read(&folder.join(target.name)));
    }
    if inputs.is_empty() {
        println!("{}: no committed inputs", target.name);
        return false;
    }
    for (path, input) in &inputs {
        if let Err(why) = try_input(target, input) {
            println!("{}: {} shows\n  {why}", target.name, path.display());
            return false;
        }
    }
    let began = Instant::now();
    let mut rng = Rng::new(Rng::child_seed([0; 32], &format!("{} {}", target.name, options.seed)));
    let mut runs = 0u64;
    while began.elapsed() < Duration::from_secs(options.seconds) {
        let input = changed(&inputs, &mut rng);
        runs += 1;
        if let Err(why) = try_input(target, &input) {
            let kept = keep(home, target, &input);
            println!("{}: run {runs} shows\n  {why}\n  kept as {kept}", target.name);
            return false;
        }
    }
    println!("{}: {} inputs, {runs} changed", target.name, inputs.len());
    true
}

fn try_input(target: &Target, input: &[u8]) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    outcome.map_err(|_| PANIC.take().replace('\n', "\n  "))
}

/// The files of a folder, in the order of their names.
fn read(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    paths.sort();
    paths.into_iter().filter_map(|path| Some((path.clone(), fs::read(path).ok()?))).collect()
}

/// An input made of committed ones: cut, joined, bytes changed, put in and taken out.
fn changed(inputs: &[(PathBuf, Vec<u8>)], rng: &mut Rng) -> Vec<u8> {
    let mut below = |bound: usize| usize::try_from(rng.below(bound as u64)).unwrap_or(0);
    let mut input = inputs[below(inputs.len())].1.clone();
    for _ in 0..1 + below(6) {
        let at = below(input.len() + 1);
        match below(6) {
            0 => input.truncate(at),
            1 => {
                let other = &inputs[below(inputs.len())].1;
                let from = below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            2 => input.insert(at, below(256).to_le_bytes()[0]),
            3 if at < input.len() => drop(input.remove(at)),
            4 => {
                let more: Vec<u8> = (0..below(64)).map(|_| below(256).to_le_bytes()[0]).collect();
                input.splice(at..at, more);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, below(256).to_le_bytes()[0]][below(6)];
                }
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn keep(home: &Path, target: &Target, input: &[u8]) -> String {
    let folder = home.join("artifacts").join(target.name);
    let sum = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let path = folder.join(format!("crash-{sum:016x}"));
    match fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nothing: {error}"),
    }
}
