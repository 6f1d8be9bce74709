//! The program: its lines, its exit codes, its end.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod folder;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use folder::Folder;

fn presently(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_presently"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn serve(data: &Path, more: &[&str]) -> Command {
    let mut command = presently(&["serve", "--ready-json", "--admin", "127.0.0.1:0"]);
    command.arg("--data").arg(data).args(more);
    if !more.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
}

fn ready(child: &mut Child) -> serde_json::Value {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

fn one_line(output: &Output, code: i32, says: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.contains(says), "{text}");
}

#[test]
fn bad_input_gets_one_line_and_its_code() {
    let folder = Folder::new("bad-input");
    let refused = |more: &[&str]| serve(&folder.path(), more).output().unwrap();
    one_line(&refused(&["--listen", "0.0.0.0:0"]), 2, "not a loopback address");
    one_line(&refused(&["--nodes", "many"]), 2, "many");
    one_line(&refused(&["--no-such-thing"]), 2, "--no-such-thing");
    one_line(&presently(&["dance"]).output().unwrap(), 2, "dance");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_at = taken.local_addr().unwrap().to_string();
    one_line(&refused(&["--listen", &taken_at]), 2, "the port is in use");
    std::fs::create_dir_all(folder.path()).unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    one_line(&serve(&file, &[]).output().unwrap(), 5, "cannot use the data directory");
    one_line(&serve(&file.join("below"), &[]).output().unwrap(), 5, "data directory");
    one_line(&serve(Path::new("/proc/presently"), &[]).output().unwrap(), 5, "data directory");
}

#[test]
fn one_data_directory_has_one_server_and_it_leaves_when_told() {
    let folder = Folder::new("one-server");
    let data = folder.path().join("data");
    let mut server = serve(&data, &["--demo"]).spawn().unwrap();
    let said = ready(&mut server);
    assert!(said["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{said}");
    one_line(&serve(&data, &[]).output().unwrap(), 5, "another process uses it");

    let admin = said["admin"].as_str().unwrap();
    let add = |name: &str, password: &str| {
        let mut command = presently(&["user", "add", name, "--password-stdin", "--admin", admin]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        child.wait_with_output().unwrap()
    };
    one_line(&add("dora", ""), 2, "password");
    one_line(&add("alice", "taken"), 3, "taken");

    let began = Instant::now();
    let term = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(term.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    one_line(&add("dora", "secret"), 4, "cannot reach the server");

    let mut again = serve(&data, &["--demo"]).spawn().unwrap();
    ready(&mut again);
    again.kill().unwrap();
    again.wait().unwrap();
}

#[test]
fn who_is_replaced_by_another_process_ends_and_says_so() {
    let folder = Folder::new("fenced");
    let data = folder.path().join("data");
    let mut first = serve(&data, &["--nodes", "1", "--demo"]).spawn().unwrap();
    let first_admin = ready(&mut first)["admin"].as_str().unwrap().to_owned();
    // What keeps a second process out; a cleaning job or a copy of the directory takes it away.
    std::fs::remove_file(data.join("lock")).unwrap();
    let mut second = serve(&data, &["--nodes", "1"]).spawn().unwrap();
    let second_admin = ready(&mut second)["admin"].as_str().unwrap().to_owned();
    // Nothing was refused yet: who only stands there does no harm.
    assert!(first.try_wait().unwrap().is_none());

    let add = |name: &str, admin: &str| {
        let mut command = presently(&["user", "add", name, "--password-stdin", "--admin", admin]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "a password of some length").unwrap();
        child.wait_with_output().unwrap()
    };
    let refused = add("dora", &first_admin);
    assert_ne!(refused.status.code(), Some(0), "{refused:?}");
    let until = Instant::now() + Duration::from_secs(10);
    while first.try_wait().unwrap().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    // It ends by itself, or is ended here and has no code.
    let _ = first.kill();
    let ended = first.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(6), "{text}");
    let last = text.trim_end().lines().last().unwrap();
    assert!(last.starts_with("presently: node 0 is fenced off: another process"), "{text}");

    let added = add("dora", &second_admin);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert!(second.try_wait().unwrap().is_none());
    second.kill().unwrap();
    second.wait().unwrap();
}
