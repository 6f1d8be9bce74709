use super::*;

#[test]
fn a_code_shows_its_name_to_people_and_its_number_too_to_who_debugs() {
    assert_eq!(alloc::format!("{} {:?}", Code::Draining, Code::Draining), "draining draining(41)");
}
