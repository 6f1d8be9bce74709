#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| presently_fuzz::target::wire::frames(data));
