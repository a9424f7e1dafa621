//! The JSON report: one object, written entry by entry, one entry a line.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::{EntryReport, Overview};
use crate::ledger::OrgRow;
use crate::manifest::{Entry, anchored};

/// Writes one report object to `out` without holding its entries.
pub struct JsonReport<W> {
    out: W,
    entries: u64,
}

impl<W: Write> JsonReport<W> {
    /// Writes everything that comes before the entries.
    pub fn begin(mut out: W, overview: &Overview) -> io::Result<Self> {
        let head = serde_json::to_string(overview)?;
        // The object stays open for the one key that is streamed.
        let open = head.strip_suffix('}').unwrap_or(&head);
        out.write_all(open.as_bytes())?;
        out.write_all(b",\"entries\":[")?;
        Ok(Self { out, entries: 0 })
    }

    /// Writes the next entry.
    pub fn entry(&mut self, entry: &EntryReport) -> io::Result<()> {
        separate(&mut self.out, self.entries)?;
        self.entries += 1;
        serde_json::to_writer(&mut self.out, entry)?;
        Ok(())
    }

    /// Closes the object and flushes.
    pub fn end(mut self) -> io::Result<()> {
        close_list(&mut self.out, self.entries)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }

    /// Continues with the entries as a manifest, of these orgs.
    pub fn manifest(mut self, orgs: &[OrgRow]) -> io::Result<JsonManifest<W>> {
        close_list(&mut self.out, self.entries)?;
        let orgs: Map<String, Value> = orgs
            .iter()
            // Plain structs of texts and numbers: cannot fail.
            .map(|org| {
                (
                    org.name.clone(),
                    serde_json::to_value(org.spec.without_folder()).unwrap_or_default(),
                )
            })
            .collect();
        self.out.write_all(b",\"manifest\":{\"orgs\":")?;
        serde_json::to_writer(&mut self.out, &orgs)?;
        self.out.write_all(b",\"apps\":[")?;
        Ok(JsonManifest {
            out: self.out,
            entries: 0,
        })
    }
}

/// The manifest in a report: what `run` needs to do just these entries again. Its references to files are
/// absolute, because the report may be saved in any folder.
pub struct JsonManifest<W> {
    out: W,
    entries: u64,
}

impl<W: Write> JsonManifest<W> {
    /// Writes the next entry; `base` is the folder of the manifest that it was read from.
    pub fn entry(&mut self, entry: &Entry, base: &Path) -> io::Result<()> {
        separate(&mut self.out, self.entries)?;
        self.entries += 1;
        serde_json::to_writer(&mut self.out, &anchored(entry, base))?;
        Ok(())
    }

    /// Closes manifest and report, and flushes.
    pub fn end(mut self) -> io::Result<()> {
        close_list(&mut self.out, self.entries)?;
        self.out.write_all(b"}}\n")?;
        self.out.flush()
    }
}

fn separate(out: &mut impl Write, before: u64) -> io::Result<()> {
    out.write_all(if before == 0 { b"\n" } else { b",\n" })
}

fn close_list(out: &mut impl Write, items: u64) -> io::Result<()> {
    out.write_all(if items == 0 { b"]" } else { b"\n]" })
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, record, refused, run, stopped};
    use super::super::{Held, RunFacts, entry, overview};
    use super::*;
    use crate::ledger::{Counts, Progress};
    use crate::model::{EntryState, Step};

    fn json(entries: &[EntryReport], orgs: &[OrgRow]) -> String {
        let counts = Counts {
            failed: entries.len() as u64,
            ..Counts::default()
        };
        let overview = overview(RunFacts {
            run: &run(),
            held: Held::No,
            counts,
            orgs,
            removed: &[],
        });
        let mut bytes = Vec::new();
        let mut report = JsonReport::begin(&mut bytes, &overview).unwrap();
        for entry in entries {
            report.entry(entry).unwrap();
        }
        report.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one literal object")]
    fn the_object_is_the_contracts_to_the_letter() {
        let mut row = google(
            EntryState::Failed,
            Progress {
                steps: vec![record(Step::FindApp, 1)],
                attempts: 2,
                app_id: Some("0oa1".to_owned()),
                ..Progress::default()
            },
        );
        row.error = Some(refused(Step::SetConnection));
        let entries = [entry(&row, &acme(), &GOOGLE[..2], Held::No)];
        let value: Value = serde_json::from_str(&json(&entries, &[acme()])).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
        {
          "entries": [
            {
              "app": "google",
              "appId": "0oa1",
              "changed": false,
              "changes": [],
              "checkedAt": null,
              "drift": [],
              "error": {
                "hint": "check the value behind env:ACME_GOOGLE",
                "httpStatus": 400,
                "message": "Verification failed: Not authorized",
                "oktaErrorCode": "E0000001",
                "requestId": "abc",
                "step": "set_connection"
              },
              "label": "Google Workspace",
              "org": "acme",
              "row": 14,
              "state": "failed",
              "steps": [
                {
                  "attempts": 1,
                  "changed": true,
                  "httpStatus": 200,
                  "requestId": "req-find_app",
                  "state": "done",
                  "step": "find_app"
                },
                {
                  "attempts": 2,
                  "changed": false,
                  "httpStatus": 400,
                  "requestId": "abc",
                  "state": "failed",
                  "step": "set_connection"
                }
              ]
            }
          ],
          "file": "samples/rollout.csv",
          "finishedAt": "2026-01-02T03:05:05.25Z",
          "orgs": [
            {
              "org": "acme",
              "rateLimited": 1,
              "requests": 120,
              "retries": 2,
              "stopped": null,
              "waitedMs": 61500,
              "waiting": null
            }
          ],
          "removed": [],
          "run": "k3f9",
          "startedAt": "2026-01-02T03:04:05Z",
          "state": "settled",
          "totals": {
            "changed": 0,
            "deactivated": 0,
            "entries": 1,
            "failed": 1,
            "pending": 0,
            "unchanged": 0,
            "waiting": 0
          },
          "version": 1,
          "waves": []
        }
        "#);
    }

    #[test]
    fn any_number_of_entries_and_orgs_is_one_valid_object() {
        let row = google(EntryState::Pending, Progress::default());
        let one = entry(&row, &acme(), &GOOGLE, Held::No);
        let halted = OrgRow {
            stopped: Some(stopped()),
            ..acme()
        };
        for (entries, orgs) in [
            (vec![], vec![]),
            (vec![one.clone()], vec![acme()]),
            (vec![one.clone(), one.clone(), one], vec![halted, acme()]),
        ] {
            let text = json(&entries, &orgs);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["entries"].as_array().unwrap().len(), entries.len());
            assert_eq!(value["orgs"].as_array().unwrap().len(), orgs.len());
            assert!(text.ends_with("]}\n"));
        }
    }
}
