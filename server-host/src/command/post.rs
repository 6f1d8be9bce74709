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
    match post(admin, path, body) {
        Err(error) => fail(format!("cannot reach the server at {admin}: {error}"), 4),
        Ok((200 | 201, _)) => ExitCode::SUCCESS,
        Ok((503, text)) => fail(text, 4),
        Ok((_, text)) => fail(text, 3),
    }
}

/// One request on a connection of its own: the status, and what the server says.
fn post(admin: SocketAddr, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&admin, Duration::from_secs(5))?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\n\
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
    let json: Option<serde_json::Value> = serde_json::from_str(said).ok();
    let text = json.and_then(|json| Some(json.get("text")?.as_str()?.to_owned()));
    Ok((status.ok_or_else(strange)?, text.unwrap_or_else(|| said.trim().to_owned())))
}
