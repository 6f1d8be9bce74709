//! The loop that turns a node.

use std::rc::Rc;
use std::time::Duration;

use presently_core::hub::Input;
use presently_core::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::mail::{Completion, Mail};
use super::{INPUTS_MAX, Node, NodeEvent};
use crate::clock;

/// From a panic to the next life.
const REBIRTH: Duration = Duration::from_millis(100);
/// Between two readings of the wall clock.
const WALL_MS: u64 = 5_000;

/// Runs until told to stop.
pub(super) async fn drive(node: Rc<Node>, mut mail: mpsc::Receiver<Mail>) {
    let mut completed = node.begin();
    let mut completions = Vec::with_capacity(INPUTS_MAX);
    let mut letters = Vec::with_capacity(INPUTS_MAX);
    let mut wall_at = node.around.clock.now() + WALL_MS;
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    let mut timer_at = Timestamp(0);
    loop {
        node.drain();
        if !node.lives() && node.fenced.get() {
            return await_stop(&node, mail).await;
        }
        if !node.lives() {
            tokio::time::sleep(REBIRTH).await;
            completed = node.begin();
            continue;
        }
        let due = node.poll_timeout().map_or(wall_at, |deadline| deadline.at.min(wall_at));
        if due != timer_at {
            let wait = due.since(node.around.clock.now());
            timer.as_mut().reset(Instant::now() + Duration::from_millis(wait));
            timer_at = due;
        }
        let mut ring = false;
        tokio::select! {
            biased;
            _ = completed.recv_many(&mut completions, INPUTS_MAX) => {}
            count = mail.recv_many(&mut letters, INPUTS_MAX) => if count == 0 { return },
            () = node.wake.notified() => {}
            () = timer.as_mut() => ring = true,
        }
        if ring {
            // Every input that is ready goes in before a timeout: sockets get their turn.
            timer_at = Timestamp(0);
            tokio::task::yield_now().await;
            while completions.len() < INPUTS_MAX
                && let Ok(completion) = completed.try_recv()
            {
                completions.push(completion);
            }
        }
        for completion in completions.drain(..) {
            on_completion(&node, completion);
            node.heed_inputs();
        }
        for letter in letters.drain(..) {
            if matches!(letter, Mail::Stop) {
                return node.close_sockets().await;
            }
            on_mail(&node, letter);
            node.heed_inputs();
        }
        let now = node.around.clock.now();
        if now >= wall_at {
            node.input("wall", Input::Wall(clock::wall()));
            wall_at = now + WALL_MS;
        }
        if node.poll_timeout().is_some_and(|deadline| deadline.at <= now) {
            node.handle_timeout();
        }
    }
}

/// A hub that broke after it was fenced off begins no further life.
async fn await_stop(node: &Rc<Node>, mut mail: mpsc::Receiver<Mail>) {
    while let Some(letter) = mail.recv().await {
        if matches!(letter, Mail::Stop) {
            return node.close_sockets().await;
        }
        on_mail(node, letter);
    }
}

fn on_completion(node: &Node, completion: Completion) {
    match completion {
        Completion::Stored { op, reply } => node.input("stored", Input::Stored { op, reply }),
        Completion::Hashed { op, reply } => node.input("hashed", Input::Hashed { op, reply }),
    }
}

fn on_mail(node: &Rc<Node>, letter: Mail) {
    match letter {
        Mail::Socket { socket, remote } => node.greet(socket, remote),
        Mail::Moved(moved) => node.take_over(*moved),
        Mail::Parcel { from, parcel } => node.input("parcel", Input::Parcel { from, parcel }),
        Mail::Admin { request, answer } => {
            let op = node.next_admin.replace(node.next_admin.get() + 1);
            node.admins.borrow_mut().insert(op, answer);
            node.input("admin", Input::Admin { op, request });
        }
        Mail::Crash { answer } => {
            if node.lives() {
                node.crash();
                let _ = answer.send(());
            }
        }
        Mail::Drain if node.lives() => node.input("drain", Input::Drain),
        Mail::Drain => node.tell(NodeEvent::Drained(node.id())),
        Mail::Stop => {}
    }
}
