//! Okta's own documents as a judge: is a request one Okta describes, is an answer one it gives?
//!
//! The documents are not part of the project: `tests/contract/okta_docs.py` gets them, and `OKTA_ROLLOUT_OKTA_DOCS`
//! names their folder. Without it nothing here passes in silence.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Names the folder of Okta's documents.
pub const VARIABLE: &str = "OKTA_ROLLOUT_OKTA_DOCS";

/// What is wrong, one line each.
pub type Verdict = Result<(), Vec<String>>;

/// The operations of Okta's description.
pub struct OktaDocs {
    folder: PathBuf,
    dialect: Value,
    /// Validators by the text of their schema: making one takes longer than using it a hundred times.
    compiled: RefCell<HashMap<String, Validator>>,
}

impl OktaDocs {
    /// Reads the documents.
    ///
    /// # Panics
    /// When the variable is unset or the documents are not there: a contract that was not checked is
    /// not kept.
    pub fn open() -> Self {
        let folder = std::env::var_os(VARIABLE).map(PathBuf::from);
        let Some(folder) = folder else {
            panic!(
                "{VARIABLE} is not set: it must name the folder with openapi.yaml, okta-dialect.json and recordings, \
                 which tests/contract/okta_docs.py makes"
            );
        };
        let mut dialect = read(&folder, "okta-dialect.json", |text| {
            serde_json::from_str(text)
        });
        let openapi = read(&folder, "openapi.yaml", |text| serde_saphyr::from_str(text));
        // The dialect leaves out what single integrations are created with.
        let schemas = dialect["components"]["schemas"].as_object_mut().unwrap();
        for (name, schema) in openapi["components"]["schemas"].as_object().unwrap() {
            if !schemas.contains_key(name) {
                schemas.insert(name.clone(), schema.clone());
            }
        }
        // Nor has it what is done in a hub and to keys.
        for kind in ["responses", "parameters"] {
            let known = dialect["components"].as_object_mut().unwrap();
            let known = known
                .entry(kind)
                .or_insert_with(|| Value::Object(Map::new()));
            for (name, value) in openapi["components"][kind].as_object().unwrap() {
                let known = known.as_object_mut().unwrap();
                known.entry(name).or_insert_with(|| value.clone());
            }
        }
        for (path, item) in openapi["paths"].as_object().unwrap() {
            let starts = ["/oauth2/v1/clients", "/api/v1/idps"];
            let ends = ["/grants", "/credentials/keys", "/credentials/keys/generate"];
            if starts.iter().any(|start| path.starts_with(start))
                || ends.iter().any(|end| path.ends_with(end))
            {
                let mut item = item.clone();
                complete(&mut item, &dialect);
                dialect["paths"][path] = item;
            }
        }
        federated(&mut dialect["components"]["schemas"]);
        told_apart(&mut dialect);
        nullable(&mut dialect);
        Self {
            folder,
            dialect,
            compiled: RefCell::default(),
        }
    }

    /// The recorded exchanges, by file name: `(name, text)`.
    pub fn recordings(&self) -> Vec<(String, String)> {
        let folder = self.folder.join("recordings");
        let mut found: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(&path).unwrap())
            })
            .collect();
        found.sort();
        assert!(
            !found.is_empty(),
            "{VARIABLE}: no recordings in {}",
            folder.display()
        );
        found
    }

    /// `METHOD /path/{template}` of every operation described.
    pub fn operations(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (path, item) in self.paths() {
            for method in item.as_object().unwrap().keys() {
                if method != "parameters" {
                    all.push(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        all.sort();
        all
    }

    /// `METHOD /path/{template}` of the operation a request means.
    pub fn operation_of(&self, method: &str, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or_default();
        let method_key = method.to_lowercase();
        self.paths()
            .iter()
            .filter(|(template, item)| fits(template, path) && item.get(&method_key).is_some())
            // The template with the most literal segments is the one meant.
            .min_by_key(|(template, _)| template.matches('{').count())
            .map(|(template, _)| format!("{method} {template}"))
    }

    /// Whether Okta describes this request: operation, query parameters, body and every field in it.
    /// `path` may carry a query.
    pub fn validate_request(&self, method: &str, path: &str, body: Option<&Value>) -> Verdict {
        let (name, operation) = self.find(method, path)?;
        let mut problems = self.parameters(&name, path);
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        match (schema, body) {
            (Some(schema), Some(body)) => {
                let narrower = self.meant(path, body).unwrap_or(schema);
                problems.extend(self.mismatches(narrower, body));
                // An app is sent back with what Okta shows of every app.
                let of_every_app = (method == "PUT" && body["name"].is_string()).then_some(schema);
                let schemas: Vec<_> = of_every_app.into_iter().chain([narrower]).collect();
                self.unknown_fields(&schemas, body, "", &mut problems);
            }
            (Some(_), None) => problems.push("a body is required".to_owned()),
            (None, Some(_)) => problems.push("no body is described".to_owned()),
            (None, None) => {}
        }
        verdict(problems)
    }

    /// Whether Okta describes this answer: status and body. No body is `None`.
    pub fn validate_response(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: Option<&Value>,
    ) -> Verdict {
        let (_, operation) = self.find(method, path)?;
        let Some(response) = operation["responses"].get(status.to_string()) else {
            return Err(vec![format!("status {status} is not described")]);
        };
        let response = self.resolve(response);
        let schema = response.pointer("/content/application~1json/schema");
        verdict(match (schema, body) {
            (Some(schema), Some(body)) => {
                let mut problems = self.mismatches(schema, body);
                self.discriminated(schema, body, &mut problems);
                problems
            }
            (Some(_), None) => vec![format!("status {status} has no body")],
            (None, Some(_)) => vec![format!("status {status} has a body")],
            (None, None) => Vec::new(),
        })
    }

    fn paths(&self) -> &Map<String, Value> {
        self.dialect["paths"].as_object().unwrap()
    }

    /// The operation a request means, and its description.
    fn find(&self, method: &str, path: &str) -> Result<(String, &Value), Vec<String>> {
        let name = self
            .operation_of(method, path)
            .ok_or_else(|| vec!["no such operation is described".to_owned()])?;
        let (_, template) = name.split_once(' ').unwrap();
        let operation = &self.paths()[template][&method.to_lowercase()];
        Ok((name, operation))
    }

    /// What is wrong with the values in a path and its query.
    fn parameters(&self, name: &str, path: &str) -> Vec<String> {
        let (method, template) = name.split_once(' ').unwrap();
        let item = &self.paths()[template];
        let operation = &item[&method.to_lowercase()];
        let described: Vec<_> = [operation, item]
            .iter()
            .filter_map(|owner| owner["parameters"].as_array())
            .flatten()
            .map(|parameter| self.resolve(parameter))
            .collect();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let in_path = template.split('/').zip(path.split('/'));
        let mut given: Vec<(&str, String, String)> = in_path
            .filter_map(|(part, value)| Some((part.strip_prefix('{')?, value)))
            .map(|(part, value)| {
                (
                    "path",
                    part.trim_end_matches('}').to_owned(),
                    value.to_owned(),
                )
            })
            .collect();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        given.extend(pairs.map(|(name, value)| ("query", name.into_owned(), value.into_owned())));
        let mut problems = Vec::new();
        for (place, name, value) in &given {
            let parameter = described
                .iter()
                .find(|known| known["in"] == *place && known["name"] == name.as_str());
            let Some(parameter) = parameter else {
                problems.push(format!("{place} parameter `{name}` is not described"));
                continue;
            };
            let value = self.typed(&parameter["schema"], value);
            let wrong = self.mismatches(&parameter["schema"], &value);
            problems.extend(wrong.into_iter().map(|why| format!("`{name}`{why}")));
        }
        for parameter in described {
            let is_given = |(place, name, _): &(&str, String, String)| {
                parameter["in"] == *place && parameter["name"] == name.as_str()
            };
            if parameter["required"] == true && !given.iter().any(is_given) {
                problems.push(format!("parameter {} is required", parameter["name"]));
            }
        }
        problems
    }

    /// A parameter's text as what its schema says it is.
    fn typed(&self, schema: &Value, text: &str) -> Value {
        match self.resolve(schema)["type"].as_str() {
            Some("integer" | "number" | "boolean") => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            _ => json!(text),
        }
    }

    fn mismatches(&self, schema: &Value, body: &Value) -> Vec<String> {
        let mut compiled = self.compiled.borrow_mut();
        let validator = compiled.entry(schema.to_string()).or_insert_with(|| {
            let root = json!({ "allOf": [schema], "components": self.dialect["components"] });
            jsonschema::validator_for(&root).expect("a schema of Okta's")
        });
        validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// The narrower schema that path or body decide on, where an operation describes several.
    fn meant(&self, path: &str, body: &Value) -> Option<&Value> {
        let schemas = &self.dialect["components"]["schemas"];
        if path.ends_with("/features/USER_PROVISIONING") {
            Some(&schemas["CapabilitiesObject"])
        } else if path.ends_with("/features/INBOUND_PROVISIONING") {
            Some(&schemas["CapabilitiesInboundProvisioningObject"])
        } else if body["name"] == "oidc_client" {
            // Of no integration: an org's own app, whose mode decides.
            Some(&schemas["OpenIdConnectApplication"])
        } else {
            self.integration(body)
        }
    }

    /// The schema of the integration whose app this is, if it is an app and Okta describes it.
    fn integration(&self, app: &Value) -> Option<&Value> {
        let name = app["name"].as_str()?;
        let mut schemas = self.dialect["components"]["schemas"].as_object()?.values();
        schemas.find(|schema| schema["x-okta-defined-as"]["name"] == name)
    }

    /// The `discriminator` of `OpenAPI`, which JSON Schema does not know: the object must also fit the
    /// schema that its own property names.
    fn discriminated(&self, schema: &Value, body: &Value, problems: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for item in body.as_array().into_iter().flatten() {
            self.discriminated(&schema["items"], item, problems);
        }
        if let Some(integration) = self.integration(body) {
            problems.extend(self.mismatches(integration, body));
        }
        let Some(property) = schema["discriminator"]["propertyName"].as_str() else {
            return;
        };
        let named = body[property].as_str().unwrap_or_default();
        match schema["discriminator"]["mapping"].get(named) {
            Some(reference) => {
                problems.extend(self.mismatches(&json!({ "$ref": reference }), body));
            }
            None => problems.push(format!("`{property}` is `{named}`, which names no schema")),
        }
    }

    /// Fields no schema names. Okta's schemas are open, so validation alone lets a typo through.
    fn unknown_fields(
        &self,
        schemas: &[&Value],
        body: &Value,
        at: &str,
        problems: &mut Vec<String>,
    ) {
        let Value::Object(fields) = body else { return };
        let mut known: HashMap<&str, Vec<&Value>> = HashMap::new();
        let mut open = false;
        for schema in schemas {
            open |= self.collect(schema, &mut known);
        }
        for (name, value) in fields {
            let here = format!("{at}/{name}");
            match known.get(name.as_str()) {
                Some(inner) => self.unknown_fields(inner, value, &here, problems),
                None if open => {}
                None => problems.push(format!("{here}: field is not described")),
            }
        }
    }

    /// Properties of a schema and its parts; true if any part takes arbitrary fields.
    fn collect<'a>(
        &'a self,
        schema: &'a Value,
        known: &mut HashMap<&'a str, Vec<&'a Value>>,
    ) -> bool {
        let schema = self.resolve(schema);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            known.entry(name).or_default().push(property);
        }
        let mut open = schema["additionalProperties"] == true
            || (schema["type"] == "object"
                && ["properties", "allOf", "oneOf", "anyOf"]
                    .iter()
                    .all(|key| schema.get(key).is_none())
                && schema.get("discriminator").is_none()
                && schema.as_object().is_some_and(|all| all.len() == 1));
        for key in ["allOf", "oneOf", "anyOf"] {
            for part in schema[key].as_array().into_iter().flatten() {
                open |= self.collect(part, known) && key != "allOf";
            }
        }
        open
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut at = schema;
        while let Some(reference) = at["$ref"].as_str() {
            let pointer = reference
                .strip_prefix('#')
                .expect("a reference within the document");
            at = self.dialect.pointer(pointer).expect(reference);
        }
        at
    }
}

/// The text of one of the documents, parsed.
fn read<E: Display>(
    folder: &Path,
    name: &str,
    parse: impl FnOnce(&str) -> Result<Value, E>,
) -> Value {
    let file = folder.join(name);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", file.display()));
    parse(&text).unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", file.display()))
}

fn verdict(problems: Vec<String>) -> Verdict {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(part, given)| part == given || (part.starts_with('{') && !given.is_empty()))
}

/// What was recorded of every operation, and of assigning a role (API.md §1): 401, and 201 for 200.
fn complete(item: &mut Value, dialect: &Value) {
    let unauthorized = &dialect["paths"]["/api/v1/apps"]["get"]["responses"]["401"];
    for (method, operation) in item.as_object_mut().unwrap() {
        let Some(responses) = operation.get_mut("responses") else {
            continue;
        };
        responses["401"] = unauthorized.clone();
        if method == "post" && responses.get("201").is_none() {
            responses["201"] = responses["200"].clone();
        }
    }
}

/// What the guide to Org2Org says and the description does not (API.md §6, §9): its app signs people in with `OpenID`
/// Connect, too, and names an identity provider of the hub, whose policy has more conditions and no filter.
fn federated(schemas: &mut Value) {
    let app = schemas["Org2OrgApplication"]["allOf"].as_array_mut();
    for part in app.into_iter().flatten() {
        let modes = part.pointer_mut("/properties/signOnMode/enum");
        if let Some(modes) = modes.and_then(Value::as_array_mut) {
            modes.push(json!("OPENID_CONNECT"));
        }
    }
    let text = json!({ "type": "string" });
    schemas["Org2OrgApplicationSettingsApplication"]["properties"]["idpId"] = text;
    let suspended = schemas["ProvisioningConditions"]["properties"]["suspended"].clone();
    schemas["ProvisioningConditions"]["properties"]["userOffboarding"] = suspended;
    let filter = &mut schemas["PolicyAccountLink"]["properties"]["filter"];
    *filter = json!({ "anyOf": [filter.take(), { "type": "null" }] });
}

/// Which of several schemas is meant `OpenAPI` tells by a field, in JSON Schema it is any that fits.
fn told_apart(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("discriminator")
                && let Some(of) = fields.remove("oneOf")
            {
                fields.insert("anyOf".to_owned(), of);
            }
            fields.values_mut().for_each(told_apart);
        }
        Value::Array(parts) => parts.iter_mut().for_each(told_apart),
        _ => {}
    }
}

/// `OpenAPI` 3.0 writes `nullable: true` where JSON Schema has a second type.
fn nullable(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(of)) = fields.get("type").cloned()
            {
                fields.insert("type".to_owned(), json!([of, "null"]));
            }
            fields.values_mut().for_each(nullable);
        }
        Value::Array(parts) => parts.iter_mut().for_each(nullable),
        _ => {}
    }
}
