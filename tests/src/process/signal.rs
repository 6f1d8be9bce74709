//! Signals to processes of ours.

use rustix::process::{Pid, Signal, kill_process};

fn send(pid: u32, signal: Signal) {
    let raw = i32::try_from(pid).expect("a process number is small");
    let pid = Pid::from_raw(raw).expect("a process has a number");
    kill_process(pid, signal).expect("the process is there and ours");
}

/// SIGSTOP: it stands still and nobody is told.
///
/// # Panics
/// Where there is no such process, as with the others.
pub fn stop(pid: u32) {
    send(pid, Signal::STOP);
}

/// SIGCONT.
///
/// # Panics
/// Where there is no such process.
pub fn resume(pid: u32) {
    send(pid, Signal::CONT);
}

/// SIGTERM.
///
/// # Panics
/// Where there is no such process.
pub fn terminate(pid: u32) {
    send(pid, Signal::TERM);
}
