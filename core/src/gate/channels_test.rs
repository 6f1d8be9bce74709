use alloc::vec::Vec;

use super::*;

fn attached(channel: u32, node: u16) -> Attached {
    let (channel, node) = (Channel(channel), NodeId(node));
    Attached { channel, request: 0, node, role: Role::Cs }
}

#[test]
fn attachments_to_a_node_that_is_gone_go_and_no_others() {
    let mut channels = Channels::default();
    for (channel, node) in [(3, 1), (1, 0), (2, 1), (4, 2)] {
        channels.insert(attached(channel, node));
    }
    assert_eq!(channels.remove_of(NodeId(1)), [attached(2, 1), attached(3, 1)]);
    let left: Vec<Attached> = channels.take();
    assert_eq!(left, [attached(1, 0), attached(4, 2)]);
}
