//! A run full of faults that is killed again and again.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::fleet::{FAULTS, ONCE_ONLY};
use crate::support::Rollout;
use crate::world::World;

/// How long a process may live.
const LIFE: Duration = Duration::from_millis(300);

/// After so many deaths they are left to end.
const KILLS: u32 = 20;

/// Kills a command after [`LIFE`]; gives its exit code if it ended before.
fn cut_short(rollout: &Rollout, command: &[&str]) -> Option<i32> {
    let mut process = rollout
        .command(command)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = process.stderr.take().unwrap();
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(said.read_to_end(&mut Vec::new())));
    if ended.recv_timeout(LIFE).is_err() {
        process.kill().unwrap();
    }
    process.wait().unwrap().code()
}

#[test]
fn a_run_killed_again_and_again_ends_as_one_left_alone() {
    let (quiet, wanted) = World::undisturbed();
    let world = World::new(FAULTS);
    let rollout = world.rollout();
    let mut kills = 0;
    let report = world.carry_on(&rollout, |command| {
        if kills >= KILLS {
            return rollout.output(command).status.code();
        }
        let code = cut_short(&rollout, command);
        kills += u32::from(code.is_none());
        code
    });
    // 65 consents, handed in one after the other, take 2.6 s: more than six lives by themselves.
    assert!(kills >= 6, "{kills}");
    assert_eq!(report.essence(), wanted.essence());
    assert_eq!(world.holds(), quiet.holds());
    for once_only in quiet.once_only().iter().chain(&world.once_only()) {
        once_only.assert(ONCE_ONLY);
    }
}
