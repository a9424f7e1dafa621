//! A run that is interrupted in the middle, and a second process that wants the same run.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::fleet::SMALL;
use crate::support::{Rollout, told};
use crate::world::World;

/// So slow that no machine works off the fleet at once.
pub const LATENCY: &str = "latency = '40ms'\n";

/// Longer than a process is made to stand still: a call that is under way is answered in time still.
const HELD: &str = "60s";

/// A run of which the first entries have ended. It stands still until it is told to continue.
pub fn held_in_the_middle(rollout: &Rollout) -> (Child, BufReader<ChildStderr>) {
    let (run, said) = in_the_middle(rollout);
    send("-STOP", &run);
    (run, said)
}

/// A run of which the first entries have ended.
pub fn in_the_middle(rollout: &Rollout) -> (Child, BufReader<ChildStderr>) {
    let mut run = rollout
        .command(&["run", "job.toml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("row ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended at once");
    }
    (run, said)
}

pub fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill")
        .args([signal, &to.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn an_interrupted_run_continues_without_a_call_too_many() {
    let quiet = World::new(SMALL, LATENCY);
    let undisturbed = quiet.rollout(HELD, "");
    let wanted = quiet.carry_on(&undisturbed, |command| {
        undisturbed.output(command).status.code()
    });
    let world = World::new(SMALL, LATENCY);
    let rollout = world.rollout(HELD, "");
    let (mut run, mut said) = held_in_the_middle(&rollout);
    let second = rollout.output(&["run", "job.toml"]);
    assert_eq!(second.status.code(), Some(2), "{}", told(&second));
    let holder = format!("pid {}", run.id());
    assert!(told(&second).contains(&holder), "{}", told(&second));

    send("-INT", &run);
    send("-CONT", &run);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{rest}");
    let interrupted = rollout.status();
    assert_eq!(interrupted.0["state"], "interrupted");
    let left = interrupted.count("pending");
    assert!((1..SMALL.entries()).contains(&left), "{left}");

    let report = world.carry_on(&rollout, |command| rollout.output(command).status.code());
    assert_eq!(report.id(), interrupted.id());
    assert_eq!(report.essence(), wanted.essence());
    assert_eq!(report.changed(), wanted.changed());
    assert_eq!(world.holds(), quiet.holds());
    assert_eq!(world.writes(), quiet.writes());
}
