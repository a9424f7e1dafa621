//! Okta's error codes that mean more than their HTTP status says (API.md §8). A code that is not
//! here is judged by its status.

/// Whether a code is one of Okta's, and not OAuth's or that of somebody on the way.
pub fn is_oktas(code: &str) -> bool {
    code.strip_prefix('E')
        .is_some_and(|digits| digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a code decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The org's credentials are at fault.
    Credentials,
    /// The org's credentials are good, their owner's admin role is not enough.
    Role,
    /// May succeed later.
    Transient,
    /// 429 in all but status.
    RateLimited,
    /// Declined, whatever the status suggests.
    Refused,
}

/// The codes, in Okta's order.
const VERDICTS: [(&str, Verdict); 13] = [
    ("E0000004", Verdict::Credentials),
    ("E0000005", Verdict::Credentials),
    ("E0000006", Verdict::Role),
    ("E0000009", Verdict::Transient),
    // The org is read-only for maintenance.
    ("E0000010", Verdict::Transient),
    ("E0000011", Verdict::Credentials),
    // A 401 about licences: other credentials would not help.
    ("E0000015", Verdict::Refused),
    ("E0000047", Verdict::RateLimited),
    // The SCIM target did not answer Okta.
    ("E0000051", Verdict::Transient),
    // Not implemented, unsupported: 501, which no later try changes.
    ("E0000052", Verdict::Refused),
    ("E0000060", Verdict::Refused),
    ("E0000239", Verdict::Transient),
    ("E0000268", Verdict::Transient),
];

/// What `code` decides by itself.
pub(super) fn verdict(code: &str) -> Option<Verdict> {
    VERDICTS
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, verdict)| *verdict)
}

/// Whether what helps is an edit of the entry, whatever was called.
pub(super) fn is_about_entry(code: &str, message: &str) -> bool {
    match code {
        "E0000001" => message.contains("Provisioning is not supported"),
        "E0000007" | "E0000048" => true,
        _ => false,
    }
}

/// What helps against a refusal, where the code tells. `message` is Okta's, for wording only.
pub(super) fn hint(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "E0000001" if message.contains("credential") => {
            "check the values of the entry's connection: Okta tries them against the app"
        }
        "E0000001" if message.contains("Provisioning is not enabled") => {
            "the connection has to be ENABLED before its features can be set"
        }
        "E0000001" if message.contains("Provisioning is not supported") => {
            "Okta's API cannot provision this app: check app and appId"
        }
        "E0000007" | "E0000048" => "check the entry's appId and the org it is under",
        "E0000008" => "check the org's url, and whether the org has this feature",
        "E0000015" => "the org is not licensed for this: ask its Okta administrator",
        _ => return None,
    })
}
