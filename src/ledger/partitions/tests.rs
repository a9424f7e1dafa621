use std::collections::HashMap;

use super::*;

/// Processes and the locks that they see, as PostgreSQL keeps them.
#[derive(Default)]
struct World {
    holders: BTreeMap<Partition, usize>,
    asks: HashMap<usize, BTreeSet<Partition>>,
    processes: Vec<Process>,
}

#[derive(Clone, Default)]
struct Process {
    is_gone: bool,
    wants: BTreeSet<Partition>,
    free: BTreeMap<Partition, u32>,
}

impl World {
    fn of(wants: &[&[Partition]]) -> Self {
        let process = |wants: &&[Partition]| Process {
            wants: wants.iter().copied().collect(),
            ..Process::default()
        };
        Self {
            processes: wants.iter().map(process).collect(),
            ..Self::default()
        }
    }

    fn held(&self, by: usize) -> BTreeSet<Partition> {
        let held = self.holders.iter().filter(|(_, holder)| **holder == by);
        held.map(|(partition, _)| *partition).collect()
    }

    fn turn(&mut self, no: usize) {
        let held = self.held(no);
        let others = self.holders.iter().filter(|(_, holder)| **holder != no);
        let others: BTreeMap<_, _> = others
            .map(|(partition, holder)| (*partition, i32::try_from(*holder).unwrap()))
            .collect();
        let process = &mut self.processes[no];
        let looks = std::mem::take(&mut process.free);
        for partition in process.wants.difference(&held) {
            let before = looks.get(partition).copied().unwrap_or_default();
            let now = if others.contains_key(partition) {
                0
            } else {
                before + 1
            };
            process.free.insert(*partition, now);
        }
        let theirs = |(other, asks): (&usize, &BTreeSet<Partition>)| {
            (*other != no && !asks.is_empty()).then(|| asks.clone())
        };
        let asked: Vec<_> = self.asks.iter().filter_map(theirs).collect();
        let mut members: BTreeSet<usize> = self.holders.values().copied().collect();
        let asking = self.asks.iter().filter(|(_, asks)| !asks.is_empty());
        members.extend(asking.map(|(other, _)| *other));
        members.remove(&no);
        let view = View {
            held,
            wanted: process.free.clone(),
            others,
            asked: asked.into_iter().flatten().collect(),
            members: members.len(),
            first: u16::try_from(no).unwrap() * 85,
        };
        let turn = view.turn();
        for partition in &turn.gives {
            assert_eq!(self.holders.remove(partition), Some(no));
        }
        for partition in &turn.takes {
            self.holders.entry(*partition).or_insert(no);
        }
        self.asks.insert(no, turn.asks);
    }

    fn rounds(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for no in 0..self.processes.len() {
                if !self.processes[no].is_gone {
                    self.turn(no);
                }
            }
        }
    }

    fn kill(&mut self, no: usize) {
        self.processes[no].is_gone = true;
        self.holders.retain(|_, holder| *holder != no);
        self.asks.remove(&no);
    }

    fn counts(&self) -> Vec<usize> {
        let all = 0..self.processes.len();
        all.map(|no| self.held(no).len()).collect()
    }
}

fn all() -> Vec<Partition> {
    (0..PARTITIONS).collect()
}

#[test]
fn one_takes_everything_at_its_first_look() {
    let all = all();
    let mut world = World::of(&[&all]);
    world.rounds(1);
    assert_eq!(world.counts(), [256]);
}

#[test]
fn who_comes_later_gets_a_fair_share_within_a_few_looks_and_who_is_killed_leaves_its_own_to_the_others()
 {
    let all = all();
    let mut world = World::of(&[&all, &[], &[]]);
    world.rounds(1);
    for no in [1, 2] {
        world.processes[no].wants = all.iter().copied().collect();
    }
    world.rounds(6);
    let counts = world.counts();
    assert!(
        counts.iter().all(|held| (80..=90).contains(held)),
        "{counts:?}"
    );
    assert_eq!(counts.iter().sum::<usize>(), 256);
    // And there it stays.
    let before = world.holders.clone();
    world.rounds(20);
    assert_eq!(world.holders, before);
    world.kill(0);
    world.rounds(1);
    let counts = world.counts();
    assert_eq!(counts.iter().sum::<usize>(), 256, "{counts:?}");
    assert!(
        counts[1..].iter().all(|held| (127..=129).contains(held)),
        "{counts:?}"
    );
}

#[test]
fn who_has_too_little_asks_whoever_has_the_most() {
    let all: Vec<Partition> = (0..12).collect();
    let mut world = World::of(&[&all, &all, &all]);
    // The third would begin with those of the second, which has no more than its share.
    let holder = |one: &Partition| [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2][usize::from(*one)];
    world.holders = all.iter().map(|one| (*one, holder(one))).collect();
    assert_eq!(world.counts(), [6, 4, 2]);
    world.rounds(3);
    assert_eq!(world.counts(), [4, 4, 4]);
}

#[test]
fn nobody_gives_up_what_nobody_asks_for() {
    let all = all();
    // The second can do with one of them only.
    let mut world = World::of(&[&all, &[7]]);
    world.rounds(4);
    assert_eq!(world.counts(), [255, 1]);
    let before = world.holders.clone();
    world.rounds(20);
    assert_eq!(world.holders, before);
}

#[test]
fn what_others_could_take_and_do_not_is_taken() {
    let (low, high): (Vec<Partition>, Vec<Partition>) = (0..256).partition(|one| one % 4 == 0);
    // The second wants fewer than its share.
    let mut world = World::of(&[&high, &low]);
    world.rounds(6);
    assert_eq!(world.counts(), [192, 64]);
}

#[test]
fn orgs_spread_over_all_partitions_and_stay_where_they_are() {
    let orgs = (0..20_000).map(|no| format!("https://org-{no}.okta.com"));
    let mut filled = vec![0; usize::from(PARTITIONS)];
    for org in orgs {
        filled[usize::from(partition_of(&org))] += 1;
    }
    assert!(
        filled.iter().all(|orgs| (40..=120).contains(orgs)),
        "{filled:?}"
    );
    // Workers of different versions must agree.
    assert_eq!(partition_of("https://acme.okta.com"), 90);
}
