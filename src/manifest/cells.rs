//! Writing a CSV manifest: for reports, so that `report --format csv --only failed -o again.csv` followed by
//! `run again.csv` repeats just those entries, and for exports.
//!
//! It has the columns of a manifest, and columns for people, which a manifest ignores. Two passes, as the header needs
//! the columns of all entries: [`Columns`] collects, [`CsvManifest`] writes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::entry::Entry;
use super::fields::COMMENT;
use super::formula::escaped;
use super::secret::SecretRef;
use crate::text::unseen::trimmed;

/// Columns people look for first, in this order; the others follow by name.
const FIRST: [&str; 11] = [
    "org",
    "app",
    "appId",
    "label",
    "status",
    COMMENT,
    Note::State.column(),
    Note::Changed.column(),
    Note::Error.column(),
    Note::Hint.column(),
    Note::RequestId.column(),
];

/// What reports tell people of an entry, in a column each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Where it stands.
    State,
    /// Whether anything was written at Okta.
    Changed,
    /// Why it is not done.
    Error,
    /// What to do about it.
    Hint,
    /// Okta's name of the request that went wrong.
    RequestId,
}

impl Note {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::State,
        Self::Changed,
        Self::Error,
        Self::Hint,
        Self::RequestId,
    ];

    /// Its column.
    pub const fn column(self) -> &'static str {
        match self {
            Self::State => "$state",
            Self::Changed => "$changed",
            Self::Error => "$error",
            Self::Hint => "$hint",
            Self::RequestId => "$requestId",
        }
    }
}

/// A row: an entry, a comment, or both.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its number, for errors.
    pub row: u64,
    /// What should be true.
    pub entry: Option<&'a Entry>,
    /// What to tell people; empty = nothing.
    pub comment: &'a str,
    /// What else, each in its own column.
    pub notes: &'a [(Note, Cow<'a, str>)],
}

impl<'a> Record<'a> {
    /// An entry without a comment.
    pub const fn of(row: u64, entry: &'a Entry) -> Self {
        Self {
            row,
            entry: Some(entry),
            comment: "",
            notes: &[],
        }
    }
}

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
    /// With a column for every note, whether or not a row has something to say there.
    pub fn with_notes() -> Self {
        let mut columns = Self::default();
        for note in Note::ALL {
            columns.insert(note.column().to_owned());
        }
        columns
    }

    fn insert(&mut self, path: String) {
        let rank = FIRST.iter().position(|first| *first == path);
        self.0.insert((rank.unwrap_or(FIRST.len()), path));
    }

    /// Adds the columns of one row.
    pub fn add(&mut self, record: &Record<'_>) -> Result<(), Unwritable> {
        for (path, _) in cells(record)? {
            self.insert(path);
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, path)| path.as_str())
    }
}

/// Second pass: the rows.
pub struct CsvManifest<'a, W: Write> {
    out: csv::Writer<W>,
    columns: Columns,
    /// Folder that `file:` references of the entries are relative to.
    base: &'a Path,
}

impl<'a, W: Write> CsvManifest<'a, W> {
    /// Writes the header.
    pub fn begin(out: W, columns: Columns, base: &'a Path) -> Result<Self, Unwritable> {
        let mut out = csv::Writer::from_writer(out);
        let mut columns = columns;
        // A manifest without entries still names its columns.
        for column in &FIRST[..2] {
            columns.insert((*column).to_owned());
        }
        out.write_record(columns.names())?;
        Ok(Self { out, columns, base })
    }

    /// Writes one row.
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), Unwritable> {
        let entry = record.entry.map(|entry| anchored(entry, self.base));
        let cells = cells(&Record {
            entry: entry.as_ref(),
            ..*record
        })?;
        for column in self.columns.names() {
            let cell = cells.iter().find(|(path, _)| path == column);
            let cell = cell.map_or(Cow::Borrowed(""), |(_, cell)| escaped(cell));
            self.out.write_field(&*cell)?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Writes what is still buffered.
    pub fn end(mut self) -> Result<(), Unwritable> {
        Ok(self.out.flush()?)
    }
}

/// The entry with its `file:` references made absolute: the file may be saved in another folder.
pub(crate) fn anchored(entry: &Entry, base: &Path) -> Entry {
    let mut entry = entry.clone();
    if let Some(profile) = entry.connection.as_mut().map(|c| &mut c.profile) {
        if let Some(token) = &mut profile.token {
            *token = token.anchored(base);
        }
        if let Some(settings) = &mut profile.settings {
            settings.admin_password = settings.admin_password.anchored(base);
            // The name may be plain; only a reference to a file is touched.
            if let Ok(reference) = SecretRef::parse(&settings.admin_username) {
                settings.admin_username = reference.anchored(base).into();
            }
        }
    }
    entry
}

/// The filled cells of a row by dotted path.
fn cells(record: &Record<'_>) -> Result<Vec<(String, String)>, Unwritable> {
    let mut cells = Vec::new();
    if !record.comment.is_empty() {
        cells.push((COMMENT.to_owned(), record.comment.to_owned()));
    }
    let notes = record.notes.iter().filter(|(_, text)| !text.is_empty());
    cells.extend(notes.map(|(note, text)| (note.column().to_owned(), text.to_string())));
    if let Some(entry) = record.entry {
        // Plain structs of texts, numbers and booleans: cannot fail.
        let mut value = serde_json::to_value(entry).unwrap_or_default();
        // No manifest has it.
        if let Some(fields) = value.as_object_mut() {
            fields.remove("rotation");
        }
        let row = record.row;
        flatten(String::new(), &value, &mut cells).map_err(|(field, why)| Unwritable::Cell {
            row,
            field,
            why,
        })?;
    }
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
            blank if blank.trim_ascii().is_empty() => {
                return Err((path, "an empty cell means absent"));
            }
            "null" => return Err((path, "a cell `null` means JSON's null")),
            text if trimmed(&escaped(text)) != escaped(text) => {
                return Err((path, "blanks around a cell are dropped"));
            }
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
        let text = match item {
            Value::String(text) => text.clone(),
            // A custom role.
            Value::Object(_) => item.to_string(),
            _ => return Err("a list holds something other than texts"),
        };
        if text.contains(';') {
            return Err("an item of a list contains `;`");
        }
        texts.push(text);
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
            columns.add(&Record::of(row, entry))?;
        }
        let mut bytes = Vec::new();
        let mut report = CsvManifest::begin(&mut bytes, columns, Path::new("/srv/rollout"))?;
        for (row, entry) in (2..).zip(&entries) {
            report.record(&Record::of(row, entry))?;
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
            (json!({ "a": " \t" }), "means absent"),
            (json!({ "a": "b " }), "blanks around a cell are dropped"),
        ] {
            let error = report(&[json!({ "org": "acme", "app": "slack", "label": "S",
                "create": { "settings": { "app": settings } } })])
            .unwrap_err()
            .to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn notes_have_columns_of_their_own_and_no_cell_is_a_formula() {
        let entry =
            json!({ "org": "acme", "app": "slack", "label": "=Slack", "status": "DISABLED" });
        let entry: Entry = serde_json::from_value(entry).unwrap();
        let columns = || {
            let mut columns = Columns::with_notes();
            columns.add(&Record::of(2, &entry)).unwrap();
            columns
        };
        let notes = [
            (Note::State, "failed".into()),
            (Note::Changed, "false".into()),
            (Note::Error, "-1, he said".into()),
            (Note::Hint, "".into()),
            (Note::RequestId, "@x".into()),
        ];
        let mut bytes = Vec::new();
        let mut report = CsvManifest::begin(&mut bytes, columns(), Path::new("/x")).unwrap();
        report
            .record(&Record {
                notes: &notes,
                ..Record::of(2, &entry)
            })
            .unwrap();
        report.end().unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        org,app,label,status,$state,$changed,$error,$hint,$requestId
        acme,slack,'=Slack,DISABLED,failed,false,"'-1, he said",,'@x
        "#);
    }

    #[test]
    fn no_entry_is_still_a_manifest() {
        assert_eq!(report(&[]).unwrap(), "org,app\n");
    }
}
