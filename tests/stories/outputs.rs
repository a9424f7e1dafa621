//! Where commands write to: files, links, pipes, devices, and what cannot be written.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use crate::support::{Scenario, office365, zscaler};

/// Every command that writes a file, up to the file; what it writes holds the second.
const WRITERS: [(&str, &str); 4] = [
    ("report --format json -o", "\"run\""),
    ("report --format csv -o", "zscalerbyz"),
    ("plan job.toml --out", "\"entries\""),
    (
        "export --orgs m.json --org acme --format json -o",
        "\"apps\"",
    ),
];

fn ran() -> Scenario {
    let story = Scenario::of([zscaler("0oa1"), zscaler("0oa2")]);
    story.run().exits(0);
    story
}

#[test]
fn every_command_writes_through_links_and_pipes() {
    let story = ran();
    fs::create_dir(story.path("archive")).unwrap();
    for (at, (command, wanted)) in WRITERS.into_iter().enumerate() {
        let link = story.path(&format!("latest-{at}"));
        symlink(format!("archive/{at}"), &link).unwrap();
        let (link, pipe) = (format!("latest-{at}"), format!(">(cat >piped-{at})"));
        // Bash waits for the process at the pipe's end, too.
        let wait = "; status=$?; wait $!; exit $status";
        for to in [&link, &link, &format!("{pipe}{wait}")] {
            story
                .shell(&format!("okta-rollout {command} {to}"))
                .exits(0);
        }
        assert!(
            fs::symlink_metadata(story.path(&link))
                .unwrap()
                .is_symlink()
        );
        for file in [format!("archive/{at}"), format!("piped-{at}")] {
            let written = fs::read_to_string(story.path(&file)).unwrap();
            assert!(written.contains(wanted), "{command}: {written}");
        }
        let data = story.shell(&format!("okta-rollout -q {command} /dev/stdout"));
        assert!(data.exits(0).data().starts_with(&{
            let written = fs::read_to_string(story.path(&format!("archive/{at}")));
            written.unwrap().chars().take(20).collect::<String>()
        }));
    }
}

#[test]
fn no_command_replaces_what_is_no_file() {
    let story = ran();
    fs::create_dir(story.path("folder")).unwrap();
    let _socket = UnixListener::bind(story.path("socket")).unwrap();
    let null = fs::metadata("/dev/null").unwrap().ino();
    for (command, _) in WRITERS {
        for (name, wanted) in [
            ("folder", "folder cannot be written: it is a folder"),
            ("socket", "socket cannot be written: it is a socket"),
            (
                "/dev/full",
                "/dev/full cannot be written: No space left on device: the disk is full",
            ),
        ] {
            let refused = story.shell(&format!("okta-rollout {command} {name}"));
            refused
                .exits(2)
                .says(wanted)
                .says("hint: give another one: ");
        }
        story
            .shell(&format!("okta-rollout {command} /dev/null"))
            .exits(0);
    }
    assert_eq!(fs::metadata("/dev/null").unwrap().ino(), null);
    let kind = |name: &str| fs::symlink_metadata(story.path(name)).unwrap().file_type();
    assert!(kind("folder").is_dir() && kind("socket").is_socket());
    assert_eq!(fs::read_dir(story.path("folder")).unwrap().count(), 0);
}

#[test]
fn reports_of_a_job_follow_the_same_rules() {
    let story = Scenario::of([zscaler("0oa1")]);
    story.write("reports/old.json", "old");
    symlink("reports/old.json", story.path("latest.json")).unwrap();
    let report = |path: &str| format!("[[reports]]\nformat = 'json'\npath = '{path}'\n");
    story.job(&format!("{}{}", report("latest.json"), report("/dev/null")));
    story.run().exits(0).says("report: ");
    let written = fs::read_to_string(story.path("reports/old.json")).unwrap();
    assert!(written.contains("\"settled\""), "{written}");
    assert!(
        fs::symlink_metadata(story.path("latest.json"))
            .unwrap()
            .is_symlink()
    );
    // Calls were sent, so that nothing is wrong usage any more.
    story.job(&format!(
        "{}{}",
        report("/dev/full"),
        report("new/all.json")
    ));
    story
        .run()
        .exits(3)
        .says("/dev/full cannot be written")
        .says("the disk is full");
    assert!(story.path("new/all.json").exists());
}

#[test]
fn a_file_in_a_folder_that_takes_no_new_ones_is_written() {
    let story = ran();
    story.shell("okta-rollout man -o pages").exits(0);
    let pages: Vec<_> = fs::read_dir(story.path("pages")).unwrap().collect();
    for page in pages {
        let page = page.unwrap().path();
        fs::write(&page, "old").unwrap();
        fs::set_permissions(&page, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let page = story.path("pages/okta-rollout-report.1");
    let before = fs::metadata(&page).unwrap().ino();
    let mode = |name: &str, mode| {
        fs::set_permissions(story.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("pages", 0o555);
    // Root may write everywhere: somebody else does it.
    let command = "run=; ((EUID)) || run='setpriv --reuid 65534 --clear-groups'; \
                   $run okta-rollout man -o pages";
    story.shell(command).exits(0);
    assert!(fs::read_to_string(&page).unwrap().contains(".TH"));
    assert_eq!(fs::metadata(&page).unwrap().ino(), before);
    // What may not be written is not replaced either.
    mode("pages", 0o777);
    mode("pages/okta-rollout-report.1", 0o444);
    let refused = story.shell(command).exits(2);
    refused.says("pages/okta-rollout-report.1 cannot be written: Permission denied");
    assert_eq!(fs::metadata(&page).unwrap().ino(), before);
}

#[test]
fn an_export_takes_its_format_from_the_flag_or_the_ending() {
    let story = ran();
    for (to, code, wanted) in [
        ("-o out.json", 0, "next: okta-rollout check out.json"),
        (
            "-o OUT.CSV",
            0,
            "next: okta-rollout check OUT.CSV --orgs FILE",
        ),
        ("-o out --format csv", 0, "from a file that ends in .csv"),
        (
            "-o out.txt --format json",
            0,
            "from a file that ends in .json",
        ),
        ("-o out", 2, "say what to write with --format"),
        ("-o out.txt", 2, "say what to write with --format"),
        ("-o out.csv --format json", 2, "contradict each other"),
    ] {
        let export = format!("okta-rollout export --orgs m.json --org acme {to}");
        story.shell(&export).exits(code).says(wanted);
    }
}

/// Paths that lead to what must stay, and what they are.
pub const OVER: [(&str, &str); 9] = [
    ("m.json", "it is the manifest"),
    ("sub/../m.json", "it is the manifest"),
    ("M.json", "it is the manifest"),
    ("link", "it is the manifest"),
    ("hard", "it is the manifest"),
    ("job.toml", "it is the job"),
    (".okta-rollout/ledger.db", "it is the ledger"),
    (".okta-rollout/ledger.db-wal", "it belongs to the ledger"),
    (".okta-rollout/ledger.db.key", "it belongs to the ledger"),
];

pub fn with_other_names() -> Scenario {
    let story = Scenario::of([zscaler("0oa1")]);
    fs::create_dir(story.path("sub")).unwrap();
    symlink("m.json", story.path("link")).unwrap();
    fs::hard_link(story.path("m.json"), story.path("hard")).unwrap();
    story
}

#[test]
fn no_report_of_a_job_is_written_over_what_it_reads() {
    let story = with_other_names();
    let manifest = fs::read_to_string(story.path("m.json")).unwrap();
    let others = [
        ("reports/a.json", "it is another report"),
        ("sub", "it is a folder"),
    ];
    for (path, wanted) in OVER.into_iter().chain(others) {
        let report = |path: &str| format!("[[reports]]\nformat = 'json'\npath = '{path}'\n");
        story.job(&format!("{}{}", report("reports/A.json"), report(path)));
        let job = fs::read_to_string(story.path("job.toml")).unwrap();
        let line = job.lines().count();
        for command in ["check", "run", "plan"] {
            story
                .okta_rollout(&[command, "job.toml"])
                .exits(2)
                .says(&format!(
                    "job.toml:{line}:8: reports[1].path: no report can be written there: {wanted}"
                ));
        }
        assert_eq!(fs::read_to_string(story.path("job.toml")).unwrap(), job);
    }
    assert!(story.calls("acme").is_empty(), "nothing was sent");
    assert_eq!(fs::read_to_string(story.path("m.json")).unwrap(), manifest);
    // Streams hold nothing that could be lost.
    let twice = "[[reports]]\nformat = 'json'\npath = '/dev/null'\n".repeat(2);
    story.job(&twice);
    story.run().exits(0);
}

#[test]
fn no_command_writes_over_what_it_reads() {
    let story = with_other_names();
    story.run().exits(0);
    story.calls("acme");
    let before: Vec<_> = ["m.json", "job.toml"]
        .map(|name| fs::read(story.path(name)).unwrap())
        .into();
    for (path, wanted) in OVER {
        story
            .okta_rollout(&["report", "--format", "json", "-o", path])
            .exits(2)
            .says(wanted);
        story
            .okta_rollout(&["plan", "job.toml", "--out", path])
            .exits(2)
            .says(wanted)
            .says("hint: give another one: --out PLAN");
        story
            .okta_rollout(&[
                "export", "--job", "job.toml", "--org", "acme", "--format", "json", "-o", path,
            ])
            .exits(2)
            .says(&format!("{path} cannot be written: {wanted}"));
    }
    let orgs = [
        "export", "--orgs", "m.json", "--org", "acme", "-o", "link", "--format", "json",
    ];
    story
        .okta_rollout(&orgs)
        .exits(2)
        .says("it is the orgs file");
    assert!(story.calls("acme").is_empty(), "nothing was sent");
    let after: Vec<_> = ["m.json", "job.toml"]
        .map(|name| fs::read(story.path(name)).unwrap())
        .into();
    assert_eq!(before, after);
}

/// Files that a command reads besides manifest and job, each under another name, and what they are.
const OTHERS: [(&str, &str); 8] = [
    ("our.env", "it is the env file our.env"),
    ("OUR.env", "it is the env file our.env"),
    ("sub/../our.env", "it is the env file our.env"),
    ("link-to-env", "it is the env file our.env"),
    ("hard-to-env", "it is the env file our.env"),
    ("secrets/app-token", "it is the secret "),
    ("secrets/admin-password", "it is the secret "),
    ("secrets/org", "it is the secret "),
];

/// A manifest whose secrets are in files and in an env file.
fn with_secret_files() -> Scenario {
    let story = Scenario::of([
        zscaler("0oa1"),
        office365("0oa2"),
        zscaler("0oa3").at("globex"),
    ]);
    let text = fs::read_to_string(story.path("m.json")).unwrap();
    let text = text.replace("env:GLOBEX_TOKEN", "file:secrets/org");
    story.write("m.json", &text);
    story.write("secrets/org", "tell-tale-org-token");
    story.write("our.env", "SOME_VARIABLE=tell-tale-variable\n");
    fs::set_permissions(story.path("our.env"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(story.path("sub")).unwrap();
    symlink("our.env", story.path("link-to-env")).unwrap();
    fs::hard_link(story.path("our.env"), story.path("hard-to-env")).unwrap();
    story
}

#[test]
fn no_output_is_a_file_of_secrets() {
    let story = with_secret_files();
    let before = |name: &str| fs::read(story.path(name)).unwrap();
    let kept = [
        "our.env",
        "secrets/app-token",
        "secrets/admin-password",
        "secrets/org",
    ];
    let contents = kept.map(before);
    for (path, wanted) in OTHERS {
        story.job(&format!("[[reports]]\nformat = 'json'\npath = '{path}'\n"));
        for command in ["check", "run", "plan"] {
            story
                .okta_rollout(&[command, "job.toml", "--env-file", "our.env"])
                .exits(2)
                .says(&format!(
                    "reports[0].path: no report can be written there: {wanted}"
                ));
        }
        story.job("");
        let plan = ["plan", "job.toml", "--env-file", "our.env", "--out", path];
        story.okta_rollout(&plan).exits(2).says(wanted);
    }
    for org in ["acme", "globex"] {
        assert!(story.all_calls(org).is_empty(), "nothing was sent");
    }

    // Reports of a run, and exports.
    story
        .shell("okta-rollout run job.toml --only app=zscalerbyz,org=acme")
        .exits(0);
    story.all_calls("acme");
    for (path, wanted) in OTHERS {
        let report = [
            "report",
            "--env-file",
            "our.env",
            "--format",
            "json",
            "-o",
            path,
        ];
        story.okta_rollout(&report).exits(2).says(wanted);
        if path == "secrets/org" {
            for from in ["--orgs m.json", "--job job.toml"] {
                let export =
                    format!("okta-rollout export --org acme {from} --format json -o {path}");
                story.shell(&export).exits(2).says(wanted);
            }
        }
    }
    assert!(story.all_calls("acme").is_empty(), "nothing was sent");
    assert_eq!(kept.map(before), contents);
}

#[test]
fn no_report_is_the_plan_that_is_applied() {
    let story = Scenario::of([zscaler("0oa1")]);
    symlink("plan.json", story.path("link")).unwrap();
    for path in ["plan.json", "Plan.json", "link", "reports/../plan.json"] {
        story.job(&format!("[[reports]]\nformat = 'json'\npath = '{path}'\n"));
        story
            .okta_rollout(&["plan", "job.toml", "--out", "saved.json"])
            .exits(0);
        fs::rename(story.path("saved.json"), story.path("plan.json")).unwrap();
        let plan = fs::read(story.path("plan.json")).unwrap();
        story.all_calls("acme");
        story
            .okta_rollout(&["run", "--plan", "plan.json"])
            .exits(2)
            .says("no report can be written there: it is the saved plan plan.json");
        assert!(story.all_calls("acme").is_empty(), "nothing was sent");
        assert_eq!(fs::read(story.path("plan.json")).unwrap(), plan);
    }
}

#[test]
fn the_two_files_of_an_export_are_two_and_no_input() {
    let story = ran();
    fs::create_dir(story.path("sub")).unwrap();
    symlink("new.env", story.path("link")).unwrap();
    story.all_calls("acme");
    let export = "okta-rollout export --orgs m.json --org acme --format json";
    for (output, env_file, wanted) in [
        ("new.env", "new.env", "are one file; nothing was sent"),
        (
            "sub/../new.env",
            "new.env",
            "are one file; nothing was sent",
        ),
        ("NEW.env", "new.env", "are one file; nothing was sent"),
        ("link", "new.env", "are one file; nothing was sent"),
        ("out.json", "link", "link exists; nothing was written"),
        ("out.json", "m.json", "m.json exists; nothing was written"),
        (
            "out.json",
            ".okta-rollout/ledger.db.key.old",
            "it belongs to the ledger",
        ),
    ] {
        story
            .shell(&format!("{export} -o {output} --env-file {env_file}"))
            .exits(2)
            .says(wanted);
        assert!(story.all_calls("acme").is_empty(), "{output} {env_file}");
    }
}

#[test]
fn what_a_descriptor_is_connected_to_is_no_input_and_no_ledger() {
    let story = ran();
    let ledger = story.ledger();
    story.write(
        "job2.toml",
        "manifest = 'm.json'\n[[reports]]\nformat = 'json'\npath = '/dev/stdout'\n",
    );
    let m = fs::read(story.path("m.json")).unwrap();
    story.calls("acme");
    let into_ledger = format!("1<>{}", ledger.display());
    for (line, wanted) in [
        ("report -o /dev/stdout 1<>m.json", "it is the manifest"),
        ("report -o /dev/fd/7 7<>m.json", "it is the manifest"),
        ("report -o /proc/self/fd/7 7>>m.json", "it is the manifest"),
        ("report --format json 1<>m.json", "it is the manifest"),
        ("report --format csv >>m.json", "it is the manifest"),
        (
            "plan m.json --out /dev/stdout >>m.json",
            "it is the manifest",
        ),
        (
            "plan m.json --out /dev/fd/8 8>>m.json",
            "it is the manifest",
        ),
        ("plan m.json --format json >>m.json", "it is the manifest"),
        ("run job2.toml --new >>m.json", "it is the manifest"),
        ("run job2.toml --new >>job2.toml", "it is the job"),
        ("check job2.toml >>m.json", "it is the manifest"),
        (
            "export --orgs m.json --org acme >>m.json",
            "it is the orgs file",
        ),
        (
            &format!("report --format json {into_ledger}"),
            "it is the ledger",
        ),
        (
            &format!("report -o /dev/stdout {into_ledger}"),
            "it is the ledger",
        ),
        (&format!("status {into_ledger}"), "it is the ledger"),
        (&format!("runs {into_ledger}"), "it is the ledger"),
        (
            &format!("consent list --format json {into_ledger}"),
            "it is the ledger",
        ),
    ] {
        let kept = fs::read(&ledger).unwrap();
        let refused = story.shell(&format!("okta-rollout {line}"));
        refused.exits(2).says(wanted);
        assert_eq!(fs::read(story.path("m.json")).unwrap(), m, "{line}");
        // It keeps that a run could not begin.
        let is_kept = fs::read(&ledger).unwrap() == kept;
        assert!(is_kept || line.starts_with("run "), "{line}");
    }
    assert!(story.calls("acme").is_empty());
    // Files of their own are written to.
    story
        .shell("okta-rollout report --format json >own.json")
        .exits(0);
    story
        .shell("okta-rollout report --format json -o /dev/fd/7 7>own.json")
        .exits(0);
    story
        .shell("okta-rollout run job2.toml --new >own.json")
        .exits(0);
}

#[test]
fn two_outputs_do_not_go_into_one_stream() {
    let story = ran();
    story.write(
        "job2.toml",
        "manifest = 'm.json'\n[[reports]]\nformat = 'json'\npath = '/dev/stdout'\n",
    );
    for to in ["| cat", ">own.json"] {
        let line = format!("set -o pipefail; okta-rollout run job2.toml --new --format json {to}");
        story.shell(&line).exits(2).says("it is standard output");
    }
    let twice = "manifest = 'm.json'\n[[reports]]\nformat = 'json'\npath = '/dev/stdout'\n\
                 [[reports]]\nformat = 'csv'\npath = '/dev/fd/1'\n";
    story.write("job3.toml", twice);
    for command in ["check", "run"] {
        let line = format!("set -o pipefail; okta-rollout {command} job3.toml | cat");
        story.shell(&line).exits(2).says("it is another report");
    }
}

#[test]
fn no_report_replaces_the_program_of_a_secret() {
    for (reference, path) in [("exec:./tok.sh", "tok.sh"), ("exec:sh tok.sh", "tok.sh")] {
        let story = Scenario::of([zscaler("0oa1").token(reference)]);
        story.write("tok.sh", "#!/bin/sh\n");
        fs::set_permissions(story.path("tok.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        story.write(
            "job2.toml",
            &format!("manifest = 'm.json'\n[[reports]]\nformat = 'json'\npath = '{path}'\n"),
        );
        for command in ["check", "run"] {
            let line = format!("okta-rollout {command} job2.toml --allow-exec");
            story.shell(&line).exits(2).says("it is the secret");
        }
    }
}
