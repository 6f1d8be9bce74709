//! Requests to the admin port of a running server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::fail;

/// Longest answer read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Asks; where it is refused or nobody is there, says so in one line.
pub(super) fn ask(admin: SocketAddr, path: &str, body: &str) -> ExitCode {
    judge(admin, request(admin, "POST", path, body)).map_or_else(|code| code, |_| ExitCode::SUCCESS)
}

/// Reads; where it is refused or nobody is there, says so in one line.
pub(super) fn read(admin: SocketAddr, path: &str) -> Result<String, ExitCode> {
    judge(admin, request(admin, "GET", path, ""))
}

fn judge(admin: SocketAddr, answer: std::io::Result<(u16, String)>) -> Result<String, ExitCode> {
    let (status, said) =
        answer.map_err(|error| fail(format!("cannot reach the server at {admin}: {error}"), 4))?;
    if matches!(status, 200 | 201) {
        return Ok(said);
    }
    let json: Option<serde_json::Value> = serde_json::from_str(&said).ok();
    let text = json.and_then(|json| Some(json.get("text")?.as_str()?.to_owned()));
    let text = text.unwrap_or_else(|| said.trim().to_owned());
    Err(fail(text, if status == 503 { 4 } else { 3 }))
}

/// One request on a connection of its own: the status, and what the server says.
fn request(
    admin: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&admin, Duration::from_secs(5))?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes())?;
    socket.write_all(body.as_bytes())?;
    let mut answer = String::new();
    socket.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let strange = || std::io::Error::other("it does not answer as Presently does");
    let (head, said) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(strange)?, said.to_owned()))
}
