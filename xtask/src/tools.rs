//! What a machine needs beside cargo, and how it gets it: always through here, never by hand.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{shell, tree::Tree};

/// The oldest node the package supports.
const NODE_MAJOR_MIN: u32 = 20;

/// Makes sure of a compilation target.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    let library =
        shell::output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))
            .unwrap_or_default();
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    println!("adding the Rust target {target}");
    shell::run(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("the Rust target {target} is needed, and rustup to add it"))
}

/// Makes sure of a cargo command that comes with the toolchain, such as `fmt` and `clippy`.
pub(crate) fn rust_component(command: &str, component: &str) -> Result<()> {
    if shell::works(shell::cargo().args([command, "--version"])) {
        return Ok(());
    }
    println!("adding the Rust component {component}");
    shell::run(Command::new("rustup").args(["component", "add", component]))
        .with_context(|| format!("`cargo {command}` is needed, and rustup to add it"))
}

/// Makes sure of a nightly toolchain beside ours.
pub(crate) fn nightly() -> Result<()> {
    if shell::works(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        return Ok(());
    }
    println!("installing a nightly Rust toolchain");
    shell::run(Command::new("rustup").args([
        "toolchain",
        "install",
        "nightly",
        "--profile",
        "minimal",
    ]))
    .context("a nightly Rust toolchain is needed, and rustup to install it")
}

/// Makes sure of a cargo command that is a package of its own.
pub(crate) fn cargo_tool(command: &str, package: &str) -> Result<()> {
    let Some(mut install) = missing_cargo_tool(command, package) else { return Ok(()) };
    println!("installing {package}");
    shell::run(&mut install)
        .with_context(|| format!("`cargo {command}` is needed, and {package} cannot be installed"))
}

/// How to install a cargo command that is a package of its own, where it is not there yet.
pub(crate) fn missing_cargo_tool(command: &str, package: &str) -> Option<Command> {
    if shell::works(shell::cargo().args([command, "--version"])) {
        return None;
    }
    let mut install = shell::cargo();
    install.args(["install", "--locked", package]);
    Some(install)
}

/// The folder of LLVM's tools, such as `llvm-cov`, for our own toolchain.
pub(crate) fn llvm_tools() -> Result<PathBuf> {
    let libraries = shell::output(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let folder =
        Path::new(libraries.trim()).parent().context("rustc has no libraries")?.join("bin");
    if !folder.join("llvm-cov").exists() {
        println!("adding the Rust component llvm-tools");
        shell::run(Command::new("rustup").args(["component", "add", "llvm-tools"]))
            .context("LLVM's tools are needed, and rustup to add them")?;
    }
    ensure!(folder.join("llvm-cov").exists(), "{} has no llvm-cov", folder.display());
    Ok(folder)
}

/// Makes sure that node is there and young enough.
pub(crate) fn node() -> Result<()> {
    let version = shell::output(Command::new("node").arg("--version"))
        .with_context(|| format!("node {NODE_MAJOR_MIN} or newer is needed: https://nodejs.org"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    let major: u32 = major.parse().with_context(|| format!("node says {}", version.trim()))?;
    ensure!(
        major >= NODE_MAJOR_MIN,
        "node {NODE_MAJOR_MIN} or newer is needed, this is {}: https://nodejs.org",
        version.trim()
    );
    Ok(())
}

/// Makes sure that python is there.
pub(crate) fn python() -> Result<()> {
    shell::output(Command::new("python3").arg("--version"))
        .map(drop)
        .context("python3 is needed: https://www.python.org")
}

/// Makes sure that the dependencies of the npm package in `folder` are those of its lock file.
pub(crate) fn npm_ci(folder: &Path) -> Result<()> {
    node()?;
    let lock = folder.join("package-lock.json");
    ensure!(lock.exists(), "{} is missing", lock.display());
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&lock) {
        return Ok(());
    }
    println!("npm ci in {}", folder.display());
    shell::run(Command::new("npm").args(["ci", "--no-fund", "--no-audit"]).current_dir(folder))
}

/// A Chromium: `$CHROMIUM`, one on the path, or one installed now through apt-get where we may.
///
/// `None` when there is none and this machine does not let us install it.
pub(crate) fn chromium() -> Result<Option<PathBuf>> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from) {
        ensure!(path.exists(), "CHROMIUM names {}, which is not there", path.display());
        return Ok(Some(path));
    }
    if let Some(path) = installed_chromium() {
        return Ok(Some(path));
    }
    install("chromium");
    Ok(installed_chromium())
}

/// A strace that may trace: `$STRACE`, one on the path, or one installed now where we may.
///
/// `None` when there is none, or the system lets nobody trace.
pub(crate) fn strace() -> Option<PathBuf> {
    let named = env::var_os("STRACE").map(PathBuf::from);
    let found = named.or_else(|| on_path("strace")).or_else(|| {
        install("strace");
        on_path("strace")
    })?;
    shell::works(Command::new(&found).args(["-f", "-o", "/dev/null", "true"])).then_some(found)
}

/// The library of libfaketime: `$LIBFAKETIME`, one where systems put it, or one installed now where we
/// may.
pub(crate) fn faketime() -> Option<PathBuf> {
    let named = env::var_os("LIBFAKETIME").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(installed_faketime).or_else(|| {
        install("faketime");
        installed_faketime()
    })
}

fn installed_faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|folder| folder.path());
    let folders = folders.chain([PathBuf::from("/usr/lib")]);
    let mut found = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    found.find(|path| path.is_file())
}

/// Tries to install a package; whether it is there is seen afterwards.
fn install(package: &str) {
    let Some(mut update) = apt_get() else { return };
    println!("installing {package} through apt-get");
    // A stale list may still know the package, so only the install decides.
    let updated = update.args(["update", "--quiet"]).status();
    let installed = apt_get().is_some_and(|mut install| {
        let install = install.args(["install", "--yes", "--no-install-recommends", package]);
        install.status().is_ok_and(|status| status.success())
    });
    if !installed {
        println!("apt-get could not install {package} (update: {updated:?})");
    }
}

fn installed_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .into_iter()
        .find_map(on_path)
}

/// Where the shell would find `program`.
fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|it| it.is_file())
}

/// apt-get as root, when it is there and we are root or may be without a question.
fn apt_get() -> Option<Command> {
    on_path("apt-get")?;
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("apt-get")
    } else if shell::works(Command::new("sudo").args(["-n", "true"])) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    } else {
        return None;
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Some(command)
}

/// The optimiser of wasm modules, which npm brings.
pub(crate) fn wasm_opt(tree: &Tree) -> Result<PathBuf> {
    let folder = tree.at("xtask/wasm-build");
    npm_ci(&folder)?;
    Ok(folder.join("node_modules/.bin/wasm-opt"))
}
