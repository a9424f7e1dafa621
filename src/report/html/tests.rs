use super::super::build::tests::{GOOGLE, acme, google, refused, run, stopped};
use super::super::findings::tests::{call, findings};
use super::super::{Held, RunFacts, WaveReport, WaveState, entry, overview};
use super::*;
use crate::ledger::{Attempt, Counts, Drift, EntryRow, OrgRow, Progress, Removed};
use crate::model::{Changed, EntryState, Step, Why};

fn page(entries: &[(EntryRow, Vec<Attempt>)], org: &OrgRow, waves: Vec<WaveReport>) -> String {
    let removed = Removed {
        org: "acme".to_owned(),
        app: "slack".to_owned(),
        app_id: None,
        label: Some("<i>Slack".to_owned()),
    };
    let overview = Overview {
        waves,
        ..overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts: Counts::default(),
            orgs: std::slice::from_ref(org),
            removed: &[removed][..usize::from(!entries.is_empty())],
        })
    };
    let findings = findings(entries);
    let mut bytes = Vec::new();
    let mut report = HtmlReport::begin(&mut bytes, &overview, &findings).unwrap();
    let entries = entries
        .iter()
        .map(|(row, _)| entry(row, org, &GOOGLE, Held::No));
    let entries: Vec<_> = entries.collect();
    for entry in entries.iter().filter(|entry| entry.state == State::Failed) {
        report.failed(entry).unwrap();
    }
    report.rest().unwrap();
    for entry in &entries {
        report.entry(entry).unwrap();
    }
    report.end().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn row(row: u64, state: EntryState) -> EntryRow {
    EntryRow {
        row,
        ..google(state, Progress::default())
    }
}

const EVIL: &str =
    "<script>alert('x')</script><img src=//evil.example/x>\" onload=\"x\u{1b}[31m\u{202e}&amp;";

fn of_each_kind() -> (Vec<(EntryRow, Vec<Attempt>)>, OrgRow) {
    let mut failed = row(2, EntryState::Failed);
    let mut error = refused(Step::SetConnection);
    error.message = format!("refused {EVIL}");
    error.hint = Some(format!("look at {EVIL}"));
    failed.error = Some(error);
    failed.entry.label = Some(EVIL.to_owned());
    let mut done = row(3, EntryState::Done);
    done.progress.changed = true;
    done.progress.changes = vec![Changed {
        field: "connection.baseUrl".to_owned(),
        why: Why::Drift,
        values: Some((Some(EVIL.into()), "https://z.example".into())),
    }];
    done.progress.drift = vec![Drift {
        field: "connection.baseUrl".to_owned(),
        live: Some(EVIL.into()),
        wanted: "https://z.example".into(),
    }];
    let entries = vec![
        (failed, vec![call(1, 429), call(2, 400)]),
        (done, vec![call(3, 200)]),
        (row(4, EntryState::Waiting), vec![]),
        (row(5, EntryState::Pending), vec![]),
    ];
    let org = OrgRow {
        name: format!("acme{EVIL}"),
        stopped: Some(stopped()),
        ..acme()
    };
    (entries, org)
}

#[test]
fn nothing_from_outside_is_markup_and_nothing_is_loaded() {
    let (entries, org) = of_each_kind();
    let page = page(&entries, &org, Vec::new());
    let tags: std::collections::BTreeSet<&str> = page
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split([' ', '>']).next())
        .filter(|tag| !tag.starts_with('/'))
        .collect();
    let known = "!DOCTYPE a b body code details div figcaption figure footer h1 h2 h3 head html li main meta nav p path \
                 span strong style summary svg table tbody td th thead title tr ul";
    assert_eq!(tags.into_iter().collect::<Vec<_>>().join(" "), known);
    for (sign, wanted) in [
        ("&lt;script&gt;alert('x')&lt;/script&gt;", true),
        ("\\u{1b}[31m", true),
        ("\\u{202e}", true),
        ("&amp;amp;", true),
        ("\u{1b}", false),
        ("\u{202e}", false),
        ("\" onload", false),
        ("style=", false),
        ("href=\"h", false),
        ("src=\"", false),
        ("url(", false),
        ("@import", false),
    ] {
        assert_eq!(page.contains(sign), wanted, "{sign}");
    }
    let links = page.split("href=\"").skip(1);
    assert!(links.clone().count() > 3);
    for link in links {
        let id = link.strip_prefix('#').and_then(|id| id.split('"').next());
        let target = format!(" id=\"{}\"", id.unwrap());
        assert_eq!(page.matches(&target).count(), 1, "{target}");
    }
}

#[test]
fn the_policy_allows_the_pages_own_style_and_nothing_else() {
    let page = page(&[], &acme(), Vec::new());
    let style = page.split("<style>").nth(1).unwrap();
    let style = style.split("</style>").next().unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\">"
    );
    assert!(page.contains(&policy), "{page}");
}

#[test]
fn what_needs_a_person_is_there_in_full_and_first() {
    let (entries, org) = of_each_kind();
    let wave = WaveReport {
        name: "canaries".to_owned(),
        state: WaveState::Halted,
        orgs: 1,
        entries: 4,
        failed: 2,
        started_at: Some("2026-01-02T03:04:05Z".to_owned()),
        finished_at: None,
        until: None,
        may_fail: None,
    };
    let page = page(&entries, &org, vec![wave]);
    let sections: Vec<&str> = page
        .split("<h2 id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let wanted = [
        "person", "waves", "budgets", "timeline", "drift", "removed", "entries",
    ];
    assert_eq!(sections, wanted);
    for part in [
        "Run k3f9: settled",
        "set_connection: refused &lt;script&gt;",
        "(E0000001, HTTP 400, request abc)",
        "hint: look at &lt;script&gt;",
        "<a href=\"#row-2\">why it failed</a>",
        "was stopped: Okta refused the API token",
        "hint: check env:ACME",
        "Waiting for consent (1)",
        "<code>okta-rollout consent list</code>",
        "1 org, 4 entries, 2 failed",
        "budget of /api/v1/apps: 45 a window",
        "3 of 4. Crosses: 429s, 1.",
        "acme/slack &quot;&lt;i&gt;Slack&quot;",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_run_without_trouble_has_no_section_of_it() {
    let page = page(
        &[(row(1, EntryState::Done), vec![call(0, 200)])],
        &acme(),
        Vec::new(),
    );
    for id in ["person", "waves", "drift"] {
        assert!(!page.contains(id), "{id}: {page}");
    }
    assert!(page.contains("<details><summary><strong>acme</strong>"));
}

#[test]
fn many_failed_entries_are_folded() {
    let failed = |no: u64| {
        let mut failed = row(no, EntryState::Failed);
        failed.error = Some(refused(Step::FindApp));
        (failed, Vec::new())
    };
    for (count, open) in [(OPEN, 1), (OPEN + 1, 0)] {
        let entries: Vec<_> = (1..=count).map(failed).collect();
        let page = page(&entries, &acme(), Vec::new());
        assert_eq!(page.matches("<details open>").count(), open, "{count}");
        let cards = usize::try_from(count).unwrap();
        assert_eq!(page.matches("class=\"card\"").count(), cards);
    }
}
