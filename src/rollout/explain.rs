//! Every setting that holds for a manifest or a job, and where it comes from. Which settings there are, and what holds
//! where nothing is said, the schema of a job knows; which value won, those who decide about it.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::{self, LedgerUrlError, SchemaParts, Written};
use crate::manifest::{Orgs, SANDBOX, without_sources};
use crate::pacing::DEFAULT_LIMITS;
use crate::sandbox::SandboxSettings;
use crate::settings::{LedgerChoice, LogFormat, Settings};

/// Who says what holds; of several, the first here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// A variable.
    Environment,
    /// The org, where its file says so.
    Org,
    /// The job.
    Job,
    /// Nobody.
    Default,
}

impl Origin {
    /// As in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Org => "org",
            Self::Job => "job",
            Self::Default => "default",
        }
    }
}

/// What holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectiveSetting {
    /// The org that it is for; `None` = for all.
    pub org: Option<String>,
    /// Its name, as the keys of a job or an org are written.
    pub setting: String,
    /// A secret is as it is referred to. `null` = there is none.
    pub value: Value,
    /// Who says so.
    pub source: Origin,
    /// Where: a flag, a variable, a file, a job's file and line.
    pub from: Option<String>,
}

impl EffectiveSetting {
    fn of_all(setting: &str, value: Value) -> Self {
        Self {
            org: None,
            setting: setting.to_owned(),
            value,
            source: Origin::Default,
            from: None,
        }
    }

    fn said(self, source: Origin, from: impl Into<String>) -> Self {
        Self {
            source,
            from: Some(from.into()),
            ..self
        }
    }
}

/// What is asked.
pub(crate) struct Explain<'a> {
    /// The manifest or the job, as typed.
    pub file: &'a Path,
    /// What the job says; `None` = it is a manifest.
    pub written: Option<&'a Written>,
    /// Flags and environment, with the job's ledger.
    pub settings: &'a Settings,
    /// The orgs, as far as they could be read.
    pub orgs: &'a Orgs,
}

/// The JSON Schema of a job file.
pub(crate) fn job_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let sandbox = settings
        .into_generator()
        .into_root_schema_for::<SandboxSettings>();
    let mut schema = job::json_schema(&SchemaParts {
        limits: DEFAULT_LIMITS,
        sandbox: sandbox.to_value(),
    });
    without_sources(&mut schema);
    schema
}

impl Explain<'_> {
    /// All settings: those of a job, those of its command line and its environment, those of its orgs.
    ///
    /// # Errors
    /// When the ledger's address is none.
    pub(crate) fn settings(&self) -> Result<Vec<EffectiveSetting>, LedgerUrlError> {
        let schema = job_schema();
        let nothing = Value::Object(Map::new());
        let values = self.written.map_or(&nothing, Written::values);
        let mut found = Vec::new();
        self.table("", &schema, values, &mut found);
        if !self.has_sandbox() {
            found.retain(|setting| !setting.setting.starts_with("sandbox"));
        }
        for setting in &mut found {
            match setting.setting.as_str() {
                "manifest" if self.written.is_none() => {
                    setting.value = text(self.file);
                    (setting.source, setting.from) = (Origin::Flag, Some("FILE".to_owned()));
                }
                "orgs" => self.orgs_file(setting),
                "ledger.path" => self.ledger(setting)?,
                _ => {}
            }
        }
        found.extend(self.surroundings());
        found.extend(self.of_orgs());
        Ok(found)
    }

    fn table(&self, path: &str, schema: &Value, values: &Value, found: &mut Vec<EffectiveSetting>) {
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            self.key(&job::inner(path, key), schema, values.get(key), found);
        }
    }

    fn key(
        &self,
        path: &str,
        schema: &Value,
        value: Option<&Value>,
        found: &mut Vec<EffectiveSetting>,
    ) {
        let is_table = schema.get("properties").is_some();
        // A section that cannot be without a key is nothing where it is not there.
        if is_table && (value.is_some() || schema.get("required").is_none()) {
            let nothing = Value::Null;
            return self.table(path, schema, value.unwrap_or(&nothing), found);
        }
        let items = &schema["items"];
        if items.get("properties").is_some()
            && let Some(values) = value
                .and_then(Value::as_array)
                .filter(|all| !all.is_empty())
        {
            for (at, value) in values.iter().enumerate() {
                self.table(&format!("{path}[{at}]"), items, value, found);
            }
            if path == "waves" {
                name_waves(found);
            }
            return;
        }
        let Some(value) = value else {
            let default = schema.get("default").cloned();
            found.push(EffectiveSetting::of_all(path, default.unwrap_or_default()));
            return;
        };
        let value = match value.as_str() {
            Some(relative) if schema["format"] == job::PATH => text(&self.folder().join(relative)),
            _ => value.clone(),
        };
        let place = self.written.and_then(|written| written.place(path));
        let file = self.file.display();
        let from = place.map_or_else(
            || file.to_string(),
            |place| format!("{file}:{}", place.key.0),
        );
        found.push(EffectiveSetting::of_all(path, value).said(Origin::Job, from));
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    fn has_sandbox(&self) -> bool {
        let is_said = self
            .written
            .is_some_and(|written| written.values().get("sandbox").is_some());
        is_said || self.orgs.iter().any(|(_, org)| org.url == SANDBOX)
    }

    fn orgs_file(&self, setting: &mut EffectiveSetting) {
        if let Some(orgs) = &self.settings.orgs {
            let given = EffectiveSetting::of_all("orgs", text(orgs));
            *setting = given.said(Origin::Flag, "--orgs");
        }
    }

    fn ledger(&self, setting: &mut EffectiveSetting) -> Result<(), LedgerUrlError> {
        let choice = &self.settings.ledger;
        setting.value = Value::String(choice.url()?.to_string());
        let (source, from) = match choice {
            LedgerChoice::Flag(_) => (Origin::Flag, "--ledger"),
            LedgerChoice::Environment(_) => (Origin::Environment, "OKTA_ROLLOUT_LEDGER"),
            LedgerChoice::Job(_) | LedgerChoice::Default => return Ok(()),
        };
        (setting.source, setting.from) = (source, Some(from.to_owned()));
        Ok(())
    }

    /// What no job says.
    fn surroundings(&self) -> Vec<EffectiveSetting> {
        let mut found = Vec::new();
        let log = self.settings.log.as_ref();
        let file =
            EffectiveSetting::of_all("log.file", log.map_or(Value::Null, |log| text(&log.file)));
        found.push(match log {
            Some(_) => file.said(Origin::Flag, "--log-file"),
            None => file,
        });
        if let Some(log) = log {
            let (name, is_default) = match log.format {
                LogFormat::Text => ("text", true),
                LogFormat::Json => ("json", false),
            };
            let format = EffectiveSetting::of_all("log.format", name.into());
            found.push(if is_default {
                format
            } else {
                format.said(Origin::Flag, "--log-format")
            });
        }
        let env_file = &self.settings.env_file;
        let value = env_file.as_deref().map_or(Value::Null, text);
        let variables = EffectiveSetting::of_all("envFile", value);
        found.push(match env_file {
            Some(_) => variables.said(Origin::Flag, "--env-file"),
            None => variables,
        });
        for (setting, value, variable) in self.settings.proxies.listed() {
            let proxy = EffectiveSetting::of_all(setting, value.into());
            found.push(proxy.said(Origin::Environment, variable));
        }
        found
    }

    /// What is an org's own.
    fn of_orgs(&self) -> Vec<EffectiveSetting> {
        let mut found = Vec::new();
        for (name, org) in self.orgs.iter() {
            let file = self.orgs.file(name).display().to_string();
            // Plain structs of texts and numbers: cannot fail.
            let org = serde_json::to_value(org.without_folder()).unwrap_or_default();
            let mut own = Vec::new();
            leaves("", &org, &mut own);
            found.extend(own.into_iter().map(|(setting, value)| EffectiveSetting {
                org: Some(name.to_owned()),
                setting,
                value,
                source: Origin::Org,
                from: Some(file.clone()),
            }));
        }
        found
    }
}

/// A wave without a name is called by its number.
fn name_waves(found: &mut [EffectiveSetting]) {
    let names = found
        .iter_mut()
        .filter(|one| one.setting.starts_with("waves[") && one.setting.ends_with("].name"));
    for (at, name) in names.enumerate().filter(|(_, name)| name.value.is_null()) {
        name.value = format!("wave {}", at + 1).into();
    }
}

fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(values) => {
            for (key, value) in values {
                leaves(&job::inner(path, key), value, found);
            }
        }
        value => found.push((path.to_owned(), value.clone())),
    }
}

fn text(path: &Path) -> Value {
    path.display().to_string().into()
}
