//! The tree of hops of a status change and of a first message, as people on two nodes see them.

use presently_core::client::Command;
use presently_core::hub::Hop;
use presently_tests::sim::{Swarm, World};

/// Two friends, each on their own node, signed in, nothing going wrong.
fn quiet() -> World {
    let swarm = Swarm { hops: true, play_ms: 1_000_000, ..Swarm::calm(7) };
    let mut world = World::new(&swarm, None);
    let until = world.now() + 30_000;
    world.play_until(until);
    world
}

/// Lets a device do something, and gives back the hops of that act alone.
fn hops_of(world: &mut World, device: usize, command: Command) -> Vec<Hop> {
    world.hops.clear();
    world.command(device, command);
    let until = world.now() + 3_000;
    world.play_until(until);
    let first = world.hops.iter().find(|hop| hop.from.to_string() == format!("client/p{device}/1"));
    let flow = first.expect("the act leaves a trace").flow.id;
    world.hops.iter().filter(|hop| hop.flow.id == flow).cloned().collect()
}

/// The ends of the hops, in order.
fn way(hops: &[Hop]) -> Vec<(String, String)> {
    hops.iter().map(|hop| (hop.from.to_string(), hop.to.to_string())).collect()
}

/// The chain from a client's own act to a hop, by what each follows from.
fn chain<'a>(hops: &'a [Hop], last: &'a Hop) -> Vec<&'a Hop> {
    let mut out = vec![last];
    while let Some(hop) = hops.iter().find(|hop| hop.flow.hop == out[out.len() - 1].parent) {
        out.push(hop);
    }
    out.reverse();
    out
}

/// Whether the roles stand in this order, others between them.
fn in_order(way: &[(String, String)], wanted: &[(&str, &str)]) -> bool {
    let mut wanted = wanted.iter().peekable();
    for (from, to) in way {
        if let Some((a, b)) = wanted.peek()
            && from.starts_with(a)
            && to.starts_with(b)
        {
            wanted.next();
        }
    }
    wanted.peek().is_none()
}

#[test]
fn a_status_change_goes_client_cs_ps_cs_client() {
    let mut world = quiet();
    let hops = hops_of(&mut world, 0, Command::Status { status: String::from("away") });
    let last = hops.iter().find(|hop| hop.to.to_string() == "client/p1/1");
    let last = last.unwrap_or_else(|| panic!("p1 hears of it: {:?}", way(&hops)));
    let chain: Vec<Hop> = chain(&hops, last).into_iter().cloned().collect();
    let way = way(&chain);
    assert_eq!(way.len(), 4, "{way:?}");
    assert_eq!((way[0].0.as_str(), way[0].1.as_str()), ("client/p0/1", "cs/0"), "{way:?}");
    assert!(way[1].1.starts_with("ps/"), "{way:?}");
    assert_eq!((way[2].0.clone(), way[2].1.as_str()), (way[1].1.clone(), "cs/1"), "{way:?}");
    assert_eq!((way[3].0.as_str(), way[3].1.as_str()), ("cs/1", "client/p1/1"), "{way:?}");
    assert_eq!(chain[0].parent, 0, "the client's own act follows from nothing");
}

#[test]
fn a_first_message_is_asked_for_ringed_and_then_goes_both_ways() {
    let mut world = quiet();
    let send = |to: &str, text: &str| Command::Send { to: to.into(), text: text.into() };
    let hops = hops_of(&mut world, 0, send("p1", "hello"));
    let first = way(&hops);
    let wanted = [
        ("client/p0/1", "cs/0"),
        ("cs/0", "client/p0/1"),
        ("client/p0/1", "mixer/"),
        ("mixer/", "cs/1"),
        ("cs/1", "client/p1/1"),
    ];
    assert!(in_order(&first, &wanted), "{first:?}");
    // The ring's hop and its way back to the act.
    let ring = hops.iter().find(|hop| hop.to.to_string() == "client/p1/1").expect("it rings");
    assert_eq!(chain(&hops, ring)[0].parent, 0, "{first:?}");
    for (from, to) in [(1, 0), (0, 1)] {
        let hops = hops_of(&mut world, from, send(&format!("p{to}"), &format!("on {from}")));
        let next = way(&hops);
        let (from, to) = (format!("client/p{from}/1"), format!("client/p{to}/1"));
        let wanted = [(from.as_str(), "mixer/"), ("mixer/", to.as_str())];
        assert!(in_order(&next, &wanted), "{next:?}");
        assert!(next.iter().all(|(_, to)| !to.starts_with("cs/")), "no detour: {next:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let seed = 11;
    let runs = [presently_tests::sim::run(seed, None), presently_tests::sim::run(seed, None)];
    assert_eq!(runs[0].hash, runs[1].hash);
    assert_eq!(runs[0].counts, runs[1].counts);
}
