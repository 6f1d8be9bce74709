use crate::world::MemoryStore;

#[test]
fn the_store_in_memory_keeps_to_it() {
    let mut store = MemoryStore::default();
    super::run(&mut |request| store.handle(&request));
}
