//! Nights as they come: a week over each change of summer time, with whatever happens in between.

use jiff::Timestamp;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn millis(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

fn shown(at: UnixMillis) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap();
    at.strftime("%d %H:%M").to_string()
}

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule {
        cron: cron.to_owned(),
        timezone: Some(zone.to_owned()),
        overlap: Overlap::Skip,
        catch_up: false,
        jitter: Duration::ZERO,
    }
}

/// A process that looks whenever it said it would, and what comes of it.
struct Nights {
    timetable: Timetable,
    starts: Option<Starts>,
    now: UnixMillis,
    /// Until when a run works.
    works_until: UnixMillis,
    /// How long a run takes.
    takes: Duration,
    said: Vec<String>,
}

impl Nights {
    fn of(schedule: &Schedule, from: &str) -> Self {
        let times = Times::new(schedule).unwrap();
        Self {
            timetable: Timetable::new(schedule, times, 7),
            starts: None,
            now: millis(from),
            works_until: UnixMillis::MIN,
            takes: MINUTE,
            said: Vec::new(),
        }
    }

    fn look(&mut self) -> Option<UnixMillis> {
        let works = self.works_until > self.now;
        let look = self.timetable.look(self.starts, self.now, works);
        self.starts = Some(look.starts);
        if let Some((act, due)) = look.act {
            if act == Act::Start {
                assert!(!works, "a job never overlaps itself");
                self.works_until = self.now.after(self.takes);
            }
            let what = match act {
                Act::Start => "start",
                Act::Skip(Skipped::Works) => "works",
                Act::Skip(Skipped::Missed) => "missed",
                Act::Queue => "queue",
            };
            let late = self.now.ahead_of(due).as_secs() / 60;
            let late = if late == 0 {
                String::new()
            } else {
                format!(" +{late}")
            };
            self.said.push(format!("{} {what}{late}", shown(due)));
        }
        look.again
    }

    /// It is awake until then.
    fn awake(mut self, until: &str) -> Self {
        let until = millis(until);
        while let Some(again) = self.look().filter(|again| *again <= until) {
            // What its run tells it when it ends comes first.
            let ends = Some(self.works_until).filter(|ends| *ends > self.now && *ends < again);
            self.now = ends.unwrap_or(again);
        }
        self.now = until;
        self
    }

    /// The machine sleeps, or nothing runs, until then.
    fn asleep(mut self, until: &str) -> Self {
        self.now = millis(until);
        self
    }

    /// It is killed, and its run with it: what it remembers is in the ledger.
    fn killed(mut self) -> Self {
        self.works_until = UnixMillis::MIN;
        self
    }

    fn taking(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    fn are(self, wanted: &str) {
        assert_eq!(self.said.join(", "), wanted);
    }
}

const NEW_YORK: &str = "America/New_York";

#[test]
fn weeks_over_both_changes_of_summer_time() {
    let nightly = schedule("30 2 * * *", NEW_YORK);
    Nights::of(&nightly, "2026-03-05T12:00Z").awake("2026-03-12T12:00Z").are(
        "06 07:30 start, 07 07:30 start, 08 07:00 start, 09 06:30 start, 10 06:30 start, 11 06:30 start, 12 06:30 start",
    );
    let nightly = schedule("30 1 * * *", NEW_YORK);
    Nights::of(&nightly, "2026-10-30T12:00Z")
        .awake("2026-11-03T12:00Z")
        .are("31 05:30 start, 01 05:30 start, 02 06:30 start, 03 06:30 start");
    let nightly = schedule("45 1 * * *", "Australia/Lord_Howe");
    Nights::of(&nightly, "2026-04-03T12:00Z")
        .awake("2026-04-06T00:00Z")
        .are("03 14:45 start, 04 14:45 start, 05 15:15 start");
}

#[test]
fn a_run_that_takes_longer_than_a_night_is_not_overlapped() {
    let skip = schedule("0 2 * * *", "UTC");
    let long = Duration::from_hours(50);
    Nights::of(&skip, "2026-06-01T12:00Z")
        .taking(long)
        .awake("2026-06-06T12:00Z")
        .are("02 02:00 start, 03 02:00 works, 04 02:00 works, 05 02:00 start, 06 02:00 works");
    let queue = Schedule {
        overlap: Overlap::Queue,
        ..skip
    };
    // However many were due, one is kept; it comes when the run has ended (+1560 minutes).
    Nights::of(&queue, "2026-06-01T12:00Z")
        .taking(long)
        .awake("2026-06-04T12:00Z")
        .are("02 02:00 start, 03 02:00 queue, 03 02:00 start +1560");
}

#[test]
fn a_kept_start_outlives_its_process() {
    let queue = Schedule {
        overlap: Overlap::Queue,
        ..schedule("0 2 * * *", "UTC")
    };
    Nights::of(&queue, "2026-06-01T12:00Z")
        .taking(Duration::from_hours(50))
        .awake("2026-06-03T03:00Z")
        .killed()
        .asleep("2026-06-03T03:10Z")
        .awake("2026-06-03T04:00Z")
        .are("02 02:00 start, 03 02:00 queue, 03 02:00 start +70");
}

#[test]
fn a_night_that_was_slept_through_is_made_up_for_where_it_says_so() {
    let skip = schedule("0 2 * * *", "UTC");
    Nights::of(&skip, "2026-06-01T12:00Z")
        .asleep("2026-06-04T09:00Z")
        .awake("2026-06-05T12:00Z")
        // Its first look was after that sleep.
        .are("05 02:00 start");
    let slept = |schedule: &Schedule| {
        Nights::of(schedule, "2026-06-01T12:00Z")
            .awake("2026-06-02T12:00Z")
            .asleep("2026-06-05T09:00Z")
            .awake("2026-06-06T12:00Z")
    };
    slept(&skip).are("02 02:00 start, 03 02:00 missed +3300, 06 02:00 start");
    let catch_up = Schedule {
        catch_up: true,
        ..skip
    };
    slept(&catch_up).are("02 02:00 start, 03 02:00 start +3300, 06 02:00 start");
    // A process that is started again within minutes has missed nothing.
    Nights::of(&schedule("0 2 * * *", "UTC"), "2026-06-01T12:00Z")
        .awake("2026-06-02T01:59Z")
        .asleep("2026-06-02T02:02Z")
        .awake("2026-06-02T12:00Z")
        .are("02 02:00 start +2");
    // What is due when it awakes is made up for with what was missed.
    Nights::of(&catch_up, "2026-06-01T12:00Z")
        .awake("2026-06-01T13:00Z")
        .asleep("2026-06-03T02:01Z")
        .awake("2026-06-03T12:00Z")
        .are("02 02:00 start +1441");
}

#[test]
fn a_clock_that_is_set_back_starts_nothing_twice() {
    let nightly = schedule("0 2 * * *", "UTC");
    Nights::of(&nightly, "2026-06-01T12:00Z")
        .awake("2026-06-02T02:30Z")
        .asleep("2026-06-02T01:45Z")
        .awake("2026-06-03T12:00Z")
        .are("02 02:00 start, 03 02:00 start");
    // It was wrong by days.
    Nights::of(&nightly, "2026-06-09T12:00Z")
        .awake("2026-06-09T13:00Z")
        .asleep("2026-06-01T12:00Z")
        .awake("2026-06-03T12:00Z")
        .are("02 02:00 start, 03 02:00 start");
}

#[test]
fn jitter_makes_starts_late_and_not_more() {
    let jittered = Schedule {
        jitter: Duration::from_mins(30),
        ..schedule("0 2 * * *", "UTC")
    };
    let nights = Nights::of(&jittered, "2026-06-01T12:00Z").awake("2026-07-01T12:00Z");
    let late = |said: &String| {
        said.split_once('+')
            .map_or(0, |(_, late)| late.parse().unwrap())
    };
    let late: Vec<u64> = nights.said.iter().map(late).collect();
    assert_eq!(late.len(), 30, "{:?}", nights.said);
    assert!(late.iter().all(|late| *late <= 30), "{late:?}");
    assert!(late.iter().any(|late| *late < 10) && late.iter().any(|late| *late > 20));
    // Killed while it waits, the next process starts it.
    let nights = Nights::of(&jittered, "2026-06-01T12:00Z");
    let begins = nights.timetable.begin(millis("2026-06-02T02:00Z"));
    let mut nights = nights.awake("2026-06-02T02:00:30Z").killed();
    nights.now = begins;
    nights.look();
    assert_eq!(nights.said.len(), 1, "{:?}", nights.said);
}

#[test]
fn what_never_comes_is_never_looked_for() {
    let never = schedule("0 2 30 2 *", "UTC");
    let mut nights = Nights::of(&never, "2026-06-01T12:00Z");
    assert_eq!(nights.look(), None);
}
