//! Contacts between new accounts, through the client for programs, and what strangers learn.

use std::time::Duration;

use presently_tests::process::{JsonClient, Server, ServerOptions};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn server(name: &str) -> Server {
    let server = Server::start(name, ServerOptions { nodes: 2, demo: false, ..Default::default() });
    for name in ["dora", "emil", "fritz"] {
        server.add_user(name, name);
    }
    server
}

fn sign_in(server: &Server, user: &str) -> JsonClient {
    let mut client = JsonClient::start(&server.ready().listen, user);
    client.wait_event("signed_in");
    client
}

/// Gives a command; its outcome without the id.
fn ask(client: &mut JsonClient, mut command: Value) -> Value {
    command["id"] = json!("asked");
    client.give(&command);
    let (_, mut outcome) = client.wait(&command.to_string(), SOON, |e| e["id"] == "asked");
    outcome.as_object_mut().expect("an event").remove("id");
    outcome
}

fn done(client: &mut JsonClient, command: Value) {
    let outcome = ask(client, command.clone());
    assert_eq!(outcome, json!({"event": "done"}), "{command}");
}

fn wait_change(client: &mut JsonClient, user: &str, change: &str) {
    client.wait(&format!("{user} {change}"), SOON, |e| {
        e["event"] == "contact" && e["user"] == user && e["change"] == change
    });
}

/// (user, state) of the whole list.
fn list(client: &mut JsonClient) -> Vec<(String, String)> {
    let contacts = ask(client, json!({"cmd": "contacts"}));
    let text = |item: &Value, field: &str| item[field].as_str().expect("text").to_owned();
    let list = contacts["list"].as_array().expect("a list");
    list.iter().map(|item| (text(item, "user"), text(item, "state"))).collect()
}

fn pair(user: &str, state: &str) -> (String, String) {
    (user.to_owned(), state.to_owned())
}

#[test]
fn people_find_each_other_talk_and_part() {
    let server = server("contacts");
    let (mut dora, mut emil) = (sign_in(&server, "dora"), sign_in(&server, "emil"));
    assert_eq!(list(&mut dora), []);

    done(&mut dora, json!({"cmd": "add", "user": "emil", "text": "it is me"}));
    let (_, invited) = emil.wait("invited", SOON, |e| e["event"] == "invited");
    assert_eq!(invited, json!({"event": "invited", "user": "dora", "text": "it is me"}));
    assert_eq!(list(&mut dora), [pair("emil", "invited")]);
    assert_eq!(list(&mut emil), [pair("dora", "pending")]);
    let early = ask(&mut dora, json!({"cmd": "send", "to": "emil", "text": "too soon"}));
    assert_eq!(early["code"], "not_a_contact");

    done(&mut emil, json!({"cmd": "accept", "user": "dora"}));
    wait_change(&mut dora, "emil", "friend");
    wait_change(&mut emil, "dora", "friend");
    dora.wait_presence("emil", "online", SOON);
    emil.wait_presence("dora", "online", SOON);
    let acked = ask(&mut dora, json!({"cmd": "send", "to": "emil", "text": "hello"}));
    assert_eq!((&acked["event"], &acked["seq"]), (&json!("acked"), &json!(1)));
    emil.wait("hello", SOON, |e| e["event"] == "message" && e["text"] == "hello");

    done(&mut emil, json!({"cmd": "remove", "user": "dora"}));
    wait_change(&mut dora, "emil", "removed");
    assert_eq!((list(&mut dora), list(&mut emil)), (vec![], vec![]));
    let parted = ask(&mut dora, json!({"cmd": "send", "to": "emil", "text": "gone?"}));
    assert_eq!(parted["code"], "not_a_contact");

    // Declined, then asked again from the other side, and what was said stands.
    done(&mut dora, json!({"cmd": "add", "user": "emil"}));
    emil.wait("invited", SOON, |e| e["event"] == "invited");
    done(&mut emil, json!({"cmd": "decline", "user": "dora"}));
    assert_eq!(list(&mut emil), []);
    done(&mut emil, json!({"cmd": "add", "user": "dora", "text": "sorry"}));
    dora.wait("friend or invited", SOON, |e| {
        e["user"] == "emil" && (e["event"] == "invited" || e["change"] == "friend")
    });
    if list(&mut dora) == [pair("emil", "pending")] {
        done(&mut dora, json!({"cmd": "accept", "user": "emil"}));
    }
    wait_change(&mut emil, "dora", "friend");
    let again = ask(&mut emil, json!({"cmd": "send", "to": "dora", "text": "again"}));
    assert_eq!((&again["event"], &again["seq"]), (&json!("acked"), &json!(2)), "{again}");
    let history = ask(&mut dora, json!({"cmd": "history", "with": "emil"}));
    let texts: Vec<_> =
        history["list"].as_array().expect("a list").iter().map(|m| &m["text"]).collect();
    assert_eq!(texts, ["hello", "again"]);
}

#[test]
fn an_unknown_name_and_a_known_one_answer_alike() {
    let server = server("strangers");
    let mut dora = sign_in(&server, "dora");
    // fritz exists and never signed in; nobody does not exist.
    let mut answers = |user: &str| {
        let commands = [
            json!({"cmd": "send", "to": user, "text": "hi"}),
            json!({"cmd": "typing", "to": user}),
            json!({"cmd": "history", "with": user}),
            json!({"cmd": "accept", "user": user}),
            json!({"cmd": "decline", "user": user}),
            json!({"cmd": "remove", "user": user}),
            json!({"cmd": "add", "user": user, "text": "?"}),
            json!({"cmd": "add", "user": user}),
            json!({"cmd": "send", "to": user, "text": "hi"}),
            json!({"cmd": "remove", "user": user}),
            json!({"cmd": "remove", "user": user}),
        ];
        let answers = commands.map(|command| ask(&mut dora, command));
        std::thread::sleep(Duration::from_millis(500));
        let told = dora.drain().into_iter().filter(|e| e["user"] == user);
        let told: Vec<String> = told.map(|e| e.to_string().replace(user, "SOMEBODY")).collect();
        (answers, told)
    };
    assert_eq!(answers("fritz"), answers("nobody"));
    // And a wrong password of either.
    let refused = |user: &str| {
        let mut client = JsonClient::with(&server.ready().listen, user, "wrong", &[], None);
        let event = client.wait_event("error");
        (event, client.finish())
    };
    assert_eq!(refused("fritz"), refused("nobody"));
}
