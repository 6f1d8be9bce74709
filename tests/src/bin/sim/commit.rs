//! The commit that is played, and the seeds drawn from it.

use std::process::Command;

/// Its id, in hexadecimal.
///
/// # Errors
/// There is no repository.
pub(crate) fn id() -> Result<String, String> {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = git.output().map_err(|error| format!("git: {error}"))?;
    if !said.status.success() {
        return Err(String::from("no commit to draw seeds from; name one with --from"));
    }
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// The first seed of a commit: the number that the first twelve digits of its id are. Seeds go on
/// from it one by one. Twelve digits are 48 bits, which every reader of JSON keeps whole.
///
/// # Errors
/// It is not an id.
pub(crate) fn seed(id: &str) -> Result<u64, String> {
    let digits = id.get(..12).ok_or_else(|| format!("{id} is no commit"))?;
    u64::from_str_radix(digits, 16).map_err(|_| format!("{id} is no commit"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn twelve_digits_are_the_first_seed() {
        assert_eq!(super::seed("00000000000f3f2e1d"), Ok(15));
        assert_eq!(super::seed("ffffffffffff"), Ok((1 << 48) - 1));
        assert!(super::seed("no").is_err());
        assert!(super::seed("not hexadecimal").is_err());
    }
}
