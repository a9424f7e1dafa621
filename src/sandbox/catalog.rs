//! The app integrations a simulated org knows (API.md §2 and §9), as data of its own: nothing here
//! is shared with the API client, so that both cannot be wrong together.

/// An app whose provisioning connection the API can set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Two schemes, two legs; Okta calls the hub when the connection is set.
    Org2Org,
    /// A token and a base URL; no imports.
    Zscaler,
    /// A person consents at the third party.
    ThreeLegged,
    /// As [`Kind::ThreeLegged`], with an administrator's credentials besides.
    Office365,
    /// The API answers 2xx and `UNKNOWN` to everything.
    Unsupported,
}

impl Kind {
    /// Whether a person has to consent.
    pub(super) const fn needs_consent(self) -> bool {
        matches!(self, Self::ThreeLegged | Self::Office365)
    }
}

/// What is known about one app integration.
#[derive(Debug)]
pub(super) struct Facts {
    /// Okta's `name`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How its connection works.
    pub kind: Kind,
    /// Keys `settings.app` must have.
    pub required: &'static [&'static str],
    /// Sign-on modes it can be created with; the first is the default.
    pub sign_on_modes: &'static [&'static str],
}

/// The six supported apps.
pub(super) static SUPPORTED: [Facts; 6] = [
    Facts {
        name: "google",
        title: "Google Workspace",
        kind: Kind::ThreeLegged,
        required: &["domain"],
        sign_on_modes: &["SAML_2_0", "BROWSER_PLUGIN"],
    },
    Facts {
        name: "office365",
        title: "Microsoft Office 365",
        kind: Kind::Office365,
        required: &["msftTenant", "domain"],
        // AUTO_LOGIN was recorded to be accepted and stored as BROWSER_PLUGIN.
        sign_on_modes: &["SAML_1_1", "BROWSER_PLUGIN", "AUTO_LOGIN"],
    },
    Facts {
        name: "slack",
        title: "Slack",
        kind: Kind::ThreeLegged,
        required: &["domain"],
        sign_on_modes: &["SAML_2_0", "BROWSER_PLUGIN"],
    },
    Facts {
        name: "zoomus",
        title: "Zoom",
        kind: Kind::ThreeLegged,
        required: &["subDomain"],
        sign_on_modes: &["SAML_2_0"],
    },
    Facts {
        name: "zscalerbyz",
        title: "Zscaler 2.0",
        kind: Kind::Zscaler,
        required: &[],
        sign_on_modes: &["SAML_2_0", "BROWSER_PLUGIN"],
    },
    Facts {
        name: "okta_org2org",
        title: "Okta Org2Org",
        kind: Kind::Org2Org,
        required: &["baseUrl"],
        sign_on_modes: &["SAML_2_0", "AUTO_LOGIN", "OPENID_CONNECT"],
    },
];

/// Any other integration.
static OTHER: Facts = Facts {
    name: "",
    title: "an app",
    kind: Kind::Unsupported,
    required: &[],
    sign_on_modes: &[
        "BOOKMARK",
        "AUTO_LOGIN",
        "BROWSER_PLUGIN",
        "SAML_2_0",
        "OPENID_CONNECT",
    ],
};

/// What is known about the app integration of this name.
pub(super) fn facts(name: &str) -> &'static Facts {
    SUPPORTED
        .iter()
        .find(|app| app.name == name)
        .unwrap_or(&OTHER)
}
