//! `presently node`: what an operator does to one node of a running server.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use super::{fail, post};

/// Nodes of a running server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Node {
    /// End a node's present life as a bug would: its links are cut, it starts anew from the store
    Crash {
        /// Its number, from 0
        number: u16,
        /// The admin port of the server
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
        admin: SocketAddr,
    },
    /// Show how many ranges of shards each node owns, and which are not where they were dealt
    List {
        /// The admin port of the server
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
        admin: SocketAddr,
    },
    /// Move the 16 shards around one to a node, where they stay until that node goes away
    Move {
        /// One of the shards, from 0 to 4095
        shard: u16,
        /// The node's number, from 0
        number: u16,
        /// The admin port of the server
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1864")]
        admin: SocketAddr,
    },
}

/// A range of shards, as the admin port shows it.
#[derive(serde::Deserialize)]
struct Place {
    shards: (u16, u16),
    node: u16,
    seat: u16,
    term: u32,
    kept: bool,
}

/// Does it and says what went wrong.
pub(crate) fn run(node: Node) -> ExitCode {
    match node {
        Node::Crash { number, admin } => post::ask(admin, &format!("/nodes/{number}/crash"), ""),
        Node::Move { shard, number, admin } => {
            let body = serde_json::json!({ "shard": shard, "node": number });
            post::ask(admin, "/move", &body.to_string())
        }
        Node::List { admin } => match post::read(admin, "/places") {
            Ok(said) => list(&said),
            Err(code) => code,
        },
    }
}

fn list(said: &str) -> ExitCode {
    let Ok(places) = serde_json::from_str::<Vec<Place>>(said) else {
        return fail("the server says it in a way this version does not know", 4);
    };
    let mut text = String::new();
    let nodes = places.iter().map(|place| place.node.max(place.seat)).max().unwrap_or(0);
    for node in 0..=nodes {
        let owned = places.iter().filter(|place| place.node == node).count();
        let _ = writeln!(text, "node {node}: {owned} ranges");
    }
    for place in places.iter().filter(|place| place.node != place.seat) {
        let Place { shards: (first, last), node, seat, term, kept } = place;
        let kept = if *kept { ", kept" } else { "" };
        let _ = writeln!(
            text,
            "shards {first}-{last}: node {node}, dealt to {seat}, term {term}{kept}"
        );
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error, 4),
    }
}
