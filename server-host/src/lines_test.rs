use tokio::io::{AsyncWriteExt, BufReader};

use super::*;

fn on_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work);
}

fn text(line: &str) -> Line {
    Line::Text(line.to_owned())
}

#[test]
fn a_wait_given_up_in_the_middle_of_a_line_loses_nothing() {
    on_runtime(async {
        let (mut program, input) = tokio::io::duplex(1024);
        let mut lines = Lines::new(BufReader::new(input));
        for piece in ["{\"cmd\":", "\"sync\"", "}"] {
            program.write_all(piece.as_bytes()).await.expect("there is room");
            // What was written is read, and then something else is ready first.
            tokio::select! {
                biased;
                line = lines.next() => panic!("no line yet: {line:?}"),
                () = std::future::ready(()) => {}
            }
        }
        program.write_all(b"\nmore\r\n").await.expect("there is room");
        assert_eq!(lines.next().await.expect("input"), text("{\"cmd\":\"sync\"}"));
        assert_eq!(lines.next().await.expect("input"), text("more"));
        program.write_all(b"the last").await.expect("there is room");
        drop(program);
        assert_eq!(lines.next().await.expect("input"), text("the last"));
        assert_eq!(lines.next().await.expect("input"), Line::End);
    });
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    on_runtime(async {
        let most = "x".repeat(FRAME_BYTES_MAX);
        let input = format!("{most}x\n{most}\n\n{most}x");
        let mut lines = Lines::new(BufReader::new(input.as_bytes()));
        assert_eq!(lines.next().await.expect("input"), Line::TooLong);
        assert_eq!(lines.next().await.expect("input"), text(&most));
        assert_eq!(lines.next().await.expect("input"), text(""));
        assert_eq!(lines.next().await.expect("input"), Line::TooLong);
        assert_eq!(lines.next().await.expect("input"), Line::End);
    });
}
