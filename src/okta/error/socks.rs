//! What SOCKS proxies say no with (RFC 1928, RFC 1929 and SOCKS4). The HTTP library shows no types for it, only words.

/// What it begins with.
const BEGINNING: &str = "SOCKS error: ";

/// The org's host was looked up for it, and not found.
pub(super) const LOOKED_UP: &str = "error resolving for socks proxy";

/// Why there is no way through a SOCKS proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// It cannot be connected to.
    Unconnected,
    /// It knows no way of signing in that was offered, or does not accept the password.
    SignIn,
    /// Its rules do not allow it.
    Rules,
    /// It cannot connect to a host of this kind, or by its address.
    Address,
    /// It speaks something else.
    Language,
    /// It found no way this time.
    Way,
}

/// What a text of the HTTP library means, if it is about a SOCKS proxy.
pub(super) fn no(text: &str) -> Option<No> {
    Some(match text.strip_prefix(BEGINNING)? {
        "failed to create underlying connection" => No::Unconnected,
        "credentials not accepted"
        | "server does not support user/pass authentication"
        | "server implements authentication incorrectly"
        | "server ident service failed"
        | "server ident service did not recognise client identifier" => No::SignIn,
        "connection not allowed" => No::Rules,
        "address type not supported"
        | "command not supported"
        | "IPV6 is not supported"
        | "could not resolve to acceptable address type"
        | "host address is more than 255 characters" => No::Address,
        "failed parsing server response" => No::Language,
        _ => No::Way,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_library_are_known() {
        for (text, expected) in [
            ("SOCKS error: credentials not accepted", Some(No::SignIn)),
            ("SOCKS error: connection not allowed", Some(No::Rules)),
            ("SOCKS error: IPV6 is not supported", Some(No::Address)),
            (
                "SOCKS error: failed parsing server response",
                Some(No::Language),
            ),
            ("SOCKS error: general server failure", Some(No::Way)),
            ("SOCKS error: anything else", Some(No::Way)),
            ("tunnel error: unsuccessful", None),
        ] {
            assert_eq!(no(text), expected, "{text}");
        }
    }
}
