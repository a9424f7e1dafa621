//! What people call apps: other names of the six, and apps whose connection Okta's API cannot set up (API.md §2).

use super::App;

/// What a name that is none of the six probably means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// One of the six.
    Supported(App),
    /// An app of Okta's catalog without a connection in its API.
    Unsupported,
}

/// Other names of the six, as letters and digits only.
const OTHER_NAMES: &[(App, &[&str])] = &[
    (
        App::Google,
        &[
            "gapps",
            "gmail",
            "googleapps",
            "googlecloud",
            "googlesuite",
            "googleworkspace",
            "gsuite",
            "gws",
        ],
    ),
    (
        App::Office365,
        &[
            "aad",
            "azure",
            "azuread",
            "azureactivedirectory",
            "entra",
            "entraid",
            "m365",
            "microsoft",
            "microsoft365",
            "microsoftazure",
            "microsoftentraid",
            "microsoftoffice365",
            "ms365",
            "msoffice365",
            "o365",
            "office",
            "office365ad",
            "windowsazureactivedirectory",
        ],
    ),
    (
        App::OktaOrg2Org,
        &["okta", "oktahub", "oktatookta", "org2org", "orgtoorg"],
    ),
    (
        App::Slack,
        &["slackenterprise", "slackenterprisegrid", "slackgrid"],
    ),
    (App::Zoomus, &["zoom", "zoomvideo", "zoommeetings"]),
    (
        App::Zscalerbyz,
        &[
            "zia",
            "zscaler",
            "zscaler2",
            "zscaler20",
            "zscalerbeta",
            "zscalerbyzscaler",
            "zscalercloud",
            "zscalerinternetaccess",
            "zscalerone",
            "zscalerthree",
            "zscalertwo",
        ],
    ),
];

/// Apps that people provision with Okta, as letters and digits only; those of five and more also at the beginning of
/// a name, as in `servicenow_ud`.
const WITHOUT_CONNECTION: &[&str] = &[
    "1password",
    "activedirectory",
    "adobe",
    "adp",
    "airtable",
    "amazon",
    "anaplan",
    "asana",
    "atlassian",
    "auth0",
    "aws",
    "bamboohr",
    "bitbucket",
    "bluejeans",
    "bookmark",
    "box",
    "boxnet",
    "cisco",
    "citrix",
    "cloudflare",
    "concur",
    "confluence",
    "cornerstone",
    "coupa",
    "crowdstrike",
    "databricks",
    "datadog",
    "docusign",
    "dropbox",
    "egnyte",
    "envoy",
    "expensify",
    "figma",
    "freshservice",
    "github",
    "gitlab",
    "gotomeeting",
    "greenhouse",
    "gusto",
    "hubspot",
    "intune",
    "jamf",
    "jira",
    "kandji",
    "knowbe4",
    "lastpass",
    "litmos",
    "looker",
    "lucidchart",
    "marketo",
    "miro",
    "monday",
    "mongodb",
    "mulesoft",
    "namely",
    "netsuite",
    "newrelic",
    "notion",
    "oracle",
    "pagerduty",
    "paloalto",
    "pluralsight",
    "ringcentral",
    "salesforce",
    "sap",
    "scim",
    "sentry",
    "servicenow",
    "sharefile",
    "sharepoint",
    "smartsheet",
    "snowflake",
    "splunk",
    "successfactors",
    "sumologic",
    "tableau",
    "template",
    "trello",
    "ukg",
    "ultipro",
    "vmware",
    "webex",
    "workday",
    "workplace",
    "xero",
    "zendesk",
    "zpa",
    "zscalerprivateaccess",
    "zuora",
];

/// The length from which a name is recognized by its beginning: shorter ones begin too many others.
const LONG: usize = 5;

/// What a name means, if that is known.
pub fn meant(name: &str) -> Option<Meant> {
    let bare: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let own = |app: &App| app.name().replace('_', "") == bare;
    if let Some(app) = App::ALL.into_iter().find(own) {
        return Some(Meant::Supported(app));
    }
    let other = OTHER_NAMES
        .iter()
        .find(|(_, names)| names.contains(&bare.as_str()));
    if let Some((app, _)) = other {
        return Some(Meant::Supported(*app));
    }
    WITHOUT_CONNECTION
        .iter()
        .any(|app| bare == *app || (app.len() >= LONG && bare.starts_with(app)))
        .then_some(Meant::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_apps() {
        use Meant::{Supported, Unsupported};
        for (name, expected) in [
            ("gsuite", Some(Supported(App::Google))),
            ("G Suite", Some(Supported(App::Google))),
            ("Google Workspace", Some(Supported(App::Google))),
            ("Google", Some(Supported(App::Google))),
            ("azure", Some(Supported(App::Office365))),
            ("Azure_AD", Some(Supported(App::Office365))),
            ("o365", Some(Supported(App::Office365))),
            ("Office 365", Some(Supported(App::Office365))),
            ("office", Some(Supported(App::Office365))),
            ("zoom", Some(Supported(App::Zoomus))),
            ("zscaler", Some(Supported(App::Zscalerbyz))),
            ("Zscaler 2.0", Some(Supported(App::Zscalerbyz))),
            ("org2org", Some(Supported(App::OktaOrg2Org))),
            ("okta-org2org", Some(Supported(App::OktaOrg2Org))),
            ("SLACK", Some(Supported(App::Slack))),
            ("salesforce", Some(Unsupported)),
            ("Box", Some(Unsupported)),
            ("boxnet", Some(Unsupported)),
            ("servicenow_ud", Some(Unsupported)),
            ("amazon_aws", Some(Unsupported)),
            ("jira", Some(Unsupported)),
            ("boxer", None),
            ("gogle", None),
            ("", None),
            ("東京", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_apps() {
        let mut all: Vec<_> = OTHER_NAMES.iter().flat_map(|(_, names)| *names).collect();
        all.extend(WITHOUT_CONNECTION);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
