//! The CSV report: the entries as a manifest again, defaults merged, so that
//! `report --format csv --only failed -o again.csv` followed by `run again.csv` repeats just those.
//!
//! That is why it has the columns of a manifest and no others: a manifest refuses unknown columns,
//! so states and errors are in the text and JSON reports. Two passes, as the header needs the
//! columns of all entries: [`Columns`] collects, [`CsvReport`] writes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::manifest::{Entry, SecretRef};

/// Columns people look for first, in this order; the others follow by name.
const FIRST: [&str; 5] = ["org", "app", "appId", "label", "status"];

/// Something of an entry that no CSV cell can say.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// The manifest's CSV form has no way to write it.
    #[error("row {row}: {field} has no CSV form: {why}")]
    Cell {
        /// The entry's row.
        row: u64,
        /// Dotted path.
        field: String,
        /// What stands in the way.
        why: &'static str,
    },
    /// The destination failed.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The destination failed at the end.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// First pass: the columns that some entry fills.
#[derive(Clone, Debug, Default)]
pub struct Columns(BTreeSet<(usize, String)>);

impl Columns {
    /// Adds the columns of one entry.
    pub fn add(&mut self, row: u64, entry: &Entry) -> Result<(), Unwritable> {
        for (path, _) in cells(row, entry)? {
            let rank = FIRST
                .iter()
                .position(|first| *first == path)
                .unwrap_or(FIRST.len());
            self.0.insert((rank, path));
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, path)| path.as_str())
    }
}

/// Second pass: the rows.
pub struct CsvReport<'a, W: Write> {
    out: csv::Writer<W>,
    columns: Columns,
    /// Folder of the manifest that the run read: its `file:` references are relative to it.
    base: &'a Path,
}

impl<'a, W: Write> CsvReport<'a, W> {
    /// Writes the header.
    pub fn begin(out: W, columns: Columns, base: &'a Path) -> Result<Self, Unwritable> {
        let mut out = csv::Writer::from_writer(out);
        if columns.0.is_empty() {
            // A manifest without entries still names its columns.
            out.write_record(["org", "app"])?;
        } else {
            out.write_record(columns.names())?;
        }
        Ok(Self { out, columns, base })
    }

    /// Writes one entry.
    pub fn entry(&mut self, row: u64, entry: &Entry) -> Result<(), Unwritable> {
        let cells = cells(row, &anchored(entry, self.base))?;
        let record = self.columns.names().map(|column| {
            cells
                .iter()
                .find(|(path, _)| path == column)
                .map_or("", |(_, cell)| cell.as_str())
        });
        self.out.write_record(record)?;
        Ok(())
    }

    /// Flushes.
    pub fn end(mut self) -> Result<(), Unwritable> {
        Ok(self.out.flush()?)
    }
}

/// The entry with its `file:` references made absolute: the report may be saved in another folder.
pub(super) fn anchored(entry: &Entry, base: &Path) -> Entry {
    let mut entry = entry.clone();
    if let Some(profile) = entry.connection.as_mut().map(|c| &mut c.profile) {
        if let Some(token) = &mut profile.token {
            anchor(token, base);
        }
        if let Some(settings) = &mut profile.settings {
            anchor(&mut settings.admin_password, base);
            // The name may be plain; only a reference to a file is touched.
            if let Ok(mut reference) = SecretRef::parse(&settings.admin_username) {
                anchor(&mut reference, base);
                settings.admin_username = reference.into();
            }
        }
    }
    entry
}

/// Makes a `file:` reference absolute; others stay as they are.
pub(crate) fn anchor(reference: &mut SecretRef, base: &Path) {
    if let Some(path) = reference.as_str().strip_prefix("file:") {
        let absolute = format!("file:{}", base.join(path).display());
        if let Ok(anchored) = SecretRef::parse(&absolute) {
            *reference = anchored;
        }
    }
}

/// The filled cells of an entry by dotted path.
fn cells(row: u64, entry: &Entry) -> Result<Vec<(String, String)>, Unwritable> {
    // Plain structs of texts, numbers and booleans: cannot fail.
    let value = serde_json::to_value(entry).unwrap_or_default();
    let mut cells = Vec::new();
    flatten(String::new(), &value, &mut cells).map_err(|(field, why)| Unwritable::Cell {
        row,
        field,
        why,
    })?;
    Ok(cells)
}

fn flatten(
    path: String,
    value: &Value,
    cells: &mut Vec<(String, String)>,
) -> Result<(), (String, &'static str)> {
    let cell = match value {
        Value::Object(map) => {
            for (key, value) in map {
                let inner = match path.as_str() {
                    _ if key.contains('.') => return Err((path, "a key contains a dot")),
                    "" => key.clone(),
                    _ => format!("{path}.{key}"),
                };
                flatten(inner, value, cells)?;
            }
            return Ok(());
        }
        Value::Null => "null".to_owned(),
        Value::Bool(switch) => switch.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match text.as_str() {
            "" => return Err((path, "an empty cell means absent")),
            "null" => return Err((path, "a cell `null` means JSON's null")),
            text => text.to_owned(),
        },
        Value::Array(items) => match list(items) {
            Ok(cell) => cell,
            Err(why) => return Err((path, why)),
        },
    };
    cells.push((path, cell));
    Ok(())
}

fn list(items: &[Value]) -> Result<String, &'static str> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.as_str() {
            None => return Err("a list holds something other than texts"),
            Some(text) if text.contains(';') => return Err("an item of a list contains `;`"),
            Some(text) => texts.push(text),
        }
    }
    match texts.as_slice() {
        [] => Err("an empty cell means absent, not an empty list"),
        texts => Ok(texts.join(";")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(entries: &[Value]) -> Result<String, Unwritable> {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|entry| serde_json::from_value(entry.clone()).unwrap())
            .collect();
        let mut columns = Columns::default();
        for (row, entry) in (2..).zip(&entries) {
            columns.add(row, entry)?;
        }
        let mut bytes = Vec::new();
        let mut report = CsvReport::begin(&mut bytes, columns, Path::new("/srv/rollout"))?;
        for (row, entry) in (2..).zip(&entries) {
            report.entry(row, entry)?;
        }
        report.end()?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_columns_are_those_of_a_manifest() {
        let text = report(&[
            json!({ "org": "acme", "app": "zscalerbyz", "appId": "0oa2",
                "connection": { "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
                    "profile": { "authScheme": "TOKEN", "token": "file:secrets/zscaler" } } }),
            json!({ "org": "acme", "app": "office365", "label": "Office, \"365\"",
                "connection": { "profile": { "authScheme": "OAUTH2", "settings": {
                    "adminUsername": "admin@acme.example", "adminPassword": "file:/run/pw" } } },
                "features": { "INBOUND_PROVISIONING": {
                    "importSettings": { "schedule": { "status": "DISABLED", "fullImport": null } },
                    "importRules": { "userCreateAndMatch": { "allowPartialMatch": false } } } } }),
            json!({ "org": "acme", "app": "slack", "appId": "0oa3", "status": "DISABLED" }),
            json!({ "org": "acme", "app": "okta_org2org", "appId": "0oa4",
                "hub": { "org": "hub", "clientName": "spoke", "scopes": ["a", "b"] },
                "connection": { "profile": { "authScheme": "OAUTH2" } } }),
        ])
        .unwrap();
        insta::assert_snapshot!(text, @r#"
        org,app,appId,label,status,connection.baseUrl,connection.profile.authScheme,connection.profile.settings.adminPassword,connection.profile.settings.adminUsername,connection.profile.token,features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.allowPartialMatch,features.INBOUND_PROVISIONING.importSettings.schedule.fullImport,features.INBOUND_PROVISIONING.importSettings.schedule.status,hub.clientName,hub.org,hub.scopes
        acme,zscalerbyz,0oa2,,,https://scim.zscalerbeta.net/1/2/scim,TOKEN,,,file:/srv/rollout/secrets/zscaler,,,,,,
        acme,office365,,"Office, ""365""",,,OAUTH2,file:/run/pw,admin@acme.example,,false,null,DISABLED,,,
        acme,slack,0oa3,,DISABLED,,,,,,,,,,,
        acme,okta_org2org,0oa4,,,,OAUTH2,,,,,,,spoke,hub,a;b
        "#);
    }

    #[test]
    fn what_has_no_csv_form_is_refused_by_name() {
        for (settings, wanted) in [
            (
                json!({ "a.b": "x" }),
                "row 2: create.settings.app has no CSV form: a key",
            ),
            (
                json!({ "a": [1] }),
                "row 2: create.settings.app.a has no CSV form: a list holds",
            ),
            (json!({ "a": ["x;y"] }), "an item of a list contains `;`"),
            (json!({ "a": [] }), "not an empty list"),
            (json!({ "a": "null" }), "means JSON's null"),
            (json!({ "a": "" }), "means absent"),
        ] {
            let error = report(&[json!({ "org": "acme", "app": "slack", "label": "S",
                "create": { "settings": { "app": settings } } })])
            .unwrap_err()
            .to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn no_entry_is_still_a_manifest() {
        assert_eq!(report(&[]).unwrap(), "org,app\n");
    }
}
