//! A run full of faults that is killed again and again.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use crate::fleet::{FAULTS, LARGE};
use crate::support::{Rollout, SOON};
use crate::undisturbed::undisturbed;
use crate::world::World;

/// How often somebody comes by to kill.
const PERIOD: Duration = Duration::from_millis(300);

/// Calls that a life has sent before it is killed: more than the looks at each org that all lives begin
/// with, or on a slow machine every life would end where the one before did.
const ENOUGH: u64 = 100;

/// So slow that no machine works off the fleet in a few lives.
const LATENCY: &str = "latency = '20ms'\n";

/// A call that fails at once is rarely under way when its process is killed, one that takes its time
/// often is: of the attempts that come to an end more fail than without kills, so there are more. So many that a machine
/// on which calls take longer than [`SOON`] for a while makes no difference.
pub const ATTEMPTS: &str = "maxAttempts = 100\n";

/// Kills a command as soon as somebody comes by who finds that it has sent [`ENOUGH`]. Gives its exit code
/// if it ended before.
fn cut_short(world: &World, rollout: &Rollout, command: &[&str]) -> Option<i32> {
    let before = world.calls();
    let mut process = rollout
        .command(command)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = process.stderr.take().unwrap();
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(said.read_to_end(&mut Vec::new())));
    while ended.recv_timeout(PERIOD).is_err() {
        if world.calls() >= before + ENOUGH {
            process.kill().unwrap();
            break;
        }
    }
    process.wait().unwrap().code()
}

#[test]
fn a_run_killed_again_and_again_ends_as_one_left_alone() {
    let world = World::new(LARGE, &format!("{LATENCY}{FAULTS}"));
    let rollout = world.rollout(SOON, ATTEMPTS);
    let mut kills = BTreeMap::<String, u32>::new();
    let report = world.carry_on(&rollout, |command| {
        let code = cut_short(&world, &rollout, command);
        if code.is_none() {
            *kills.entry(command[0].to_owned()).or_default() += 1;
        }
        code
    });
    let wanted = undisturbed();
    assert_eq!(report.essence(), wanted.report.essence());
    assert_eq!(world.holds(), wanted.state);
    world.assert_once_only();

    // A life is 600 calls at the most, two at a time in each org and 20 ms each; all take 8,400.
    assert!(kills.values().sum::<u32>() >= 10, "{kills:?}");
    assert_eq!(kills.len(), 3, "run, consent and resume: {kills:?}");
    let (calls, faults) = (world.calls(), world.faults());
    assert_eq!(faults.len(), 9, "{faults:?}");
    // More than 13: a call that was under way at a kill is not counted, and few faults ever are.
    let percent = faults.values().sum::<u64>() * 100 / calls;
    assert!((12..=18).contains(&percent), "{faults:?} of {calls}");
}
