//! `cargo xtask run`: from a clean clone to a demo in the browser.

use std::process::Command;

use anyhow::Result;

use crate::{
    host::{self, Profile},
    shell,
    tree::Tree,
    web,
};

pub(crate) fn run(tree: &Tree, args: &[String]) -> Result<()> {
    web::web(tree)?;
    let server = host::bin(tree, Profile::Dist, "presently")?;
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    println!("serving on http://localhost:1863; sign in as alice, bob or carol (password = name)");
    shell::become_it(Command::new(server).args(["serve", "--demo"]).args(args))
}
