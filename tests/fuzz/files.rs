//! Files that people write and hand in: manifests, jobs, saved plans, answers to consents.

use std::process::Command;

use okta_rollout::consent::reader;
use okta_rollout::job;
use okta_rollout::manifest::{CheckOptions, ExecPolicy, SecretCheck, Source, check};

use crate::harness::fuzz;

const OPTIONS: CheckOptions = CheckOptions {
    exec: ExecPolicy::Refuse,
    secrets: SecretCheck::Skip,
};

#[track_caller]
fn is_presentable(text: &str) {
    let strange = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    assert!(!text.contains(strange), "{text:?}");
}

#[test]
fn manifests() {
    let folder = tempfile::tempdir().unwrap();
    let orgs_file = folder.path().join("orgs.csv");
    std::fs::write(&orgs_file, "org,url\nacme,sandbox\n").unwrap();
    fuzz("manifest", Vec::new(), |input, random| {
        let name = ["m.csv", "m.json", "m.jsonl"][random.below(3)];
        let file = folder.path().join(name);
        std::fs::write(&file, input).unwrap();
        for orgs_file in [Some(orgs_file.clone()), None] {
            let file = file.clone();
            let source = Source { file, orgs_file };
            // One that cannot be read is said to be so.
            if let Ok(checked) = check(&source, &OPTIONS, &mut |_| {}) {
                for problem in &checked.problems {
                    assert!(!problem.to_string().is_empty());
                }
            }
        }
    });
}

#[test]
fn jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    fuzz("job", Vec::new(), |input, _| {
        std::fs::write(&file, input).unwrap();
        if let Err(problems) = job::read(&file) {
            assert!(!problems.is_empty());
        }
    });
}

#[test]
fn answers_to_consents() {
    fuzz("consent", Vec::new(), |input, _| {
        let reading = reader::read(input);
        for sighting in &reading.answers {
            assert!((1..=reading.lines.max(1)).contains(&sighting.line));
            if let reader::What::Refused { refusal, spot, .. } = &sighting.what {
                is_presentable(&refusal.to_string());
                if let Some(spot) = spot {
                    is_presentable(&spot.to_string());
                }
            }
        }
    });
}

#[test]
fn saved_plans() {
    const MANIFEST: &str = r#"{"orgs":{"acme":{"url":"sandbox"}},"apps":[
        {"org":"acme","app":"google","label":"G","connection":{"profile":{"authScheme":"OAUTH2"}}}]}"#;
    const JOB: &str = "manifest = 'm.json'\n[sandbox]\nconsent = 'manual'\nlimit = 0\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.json"), MANIFEST).unwrap();
    std::fs::write(folder.path().join("job.toml"), JOB).unwrap();
    let command = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_okta-rollout"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap()
    };
    let planned = command(&["plan", "job.toml", "--out", "plan.json"]);
    assert!(planned.status.success(), "{planned:?}");
    let plan = folder.path().join("plan.json");
    let ours = std::fs::read(&plan).unwrap();
    fuzz("plan", vec![ours], |input, _| {
        let text = String::from_utf8_lossy(input);
        let path = folder.path().display().to_string();
        // What is no text stays as it is.
        let input = if text.contains("{folder}") {
            text.replace("{folder}", &path).into_bytes()
        } else {
            input.to_vec()
        };
        std::fs::write(&plan, input).unwrap();
        let ran = command(&["run", "--plan", "plan.json"]);
        let said = String::from_utf8_lossy(&ran.stderr);
        // Applied, refused, or partly done; never a bug, never killed.
        assert!(
            matches!(ran.status.code(), Some(0 | 2..=4)),
            "{:?}: {said}",
            ran.status
        );
        is_presentable(&said);
    });
}
