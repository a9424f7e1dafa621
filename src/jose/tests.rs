use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/keys/",
            $name
        ))
    };
}

/// Each key in each format, and its thumbprint as another program found it.
const KEYS: [(&str, &[&str], Kind); 4] = [
    (
        "RMQzh-SusvlvRdHyMpnHfqjbu22PQtSr8of9PsaWfwU",
        &[
            key!("rsa.pkcs8.pem"),
            key!("rsa.pkcs1.pem"),
            key!("rsa.jwk.json"),
        ],
        Kind::Rsa,
    ),
    (
        "Oac2J5d0wdKh3hsdITIY8RMILmohpS4eVugL-Vzv80c",
        &[
            key!("p256.pkcs8.pem"),
            key!("p256.sec1.pem"),
            key!("p256.jwk.json"),
        ],
        Kind::P256,
    ),
    (
        "1bZ_Q5TDY-aTlxyiuzdDAzIiuPb7WEQgFohz3jzFWLQ",
        &[
            key!("p384.pkcs8.pem"),
            key!("p384.sec1.pem"),
            key!("p384.jwk.json"),
        ],
        Kind::P384,
    ),
    (
        "eX217OPP_BLq8dPrpb9XBMoXsTF9WWEarwOIeknRKsE",
        &[
            key!("p521.pkcs8.pem"),
            key!("p521.sec1.pem"),
            key!("p521.jwk.json"),
        ],
        Kind::P521,
    ),
];

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// Whether the public key verifies it.
fn is_signed(key: &PublicKey, algorithm: Algorithm, signed: &str) -> bool {
    let jwk: Value = serde_json::from_str(key.jwk()).expect("JSON");
    let member = |name: &str| bytes(jwk[name].as_str().expect(name));
    let (text, signature) = signed.rsplit_once('.').expect("three parts");
    let (text, signature) = (text.as_bytes(), bytes(signature));
    if algorithm.kind() == Kind::Rsa {
        let key = RsaPublicKeyComponents {
            n: member("n"),
            e: member("e"),
        };
        let parameters = match algorithm {
            Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            _ => &RSA_PKCS1_2048_8192_SHA256,
        };
        return key.verify(parameters, text, &signature).is_ok();
    }
    let point = [vec![4], member("x"), member("y")].concat();
    let parameters = match algorithm {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        _ => &ECDSA_P521_SHA512_FIXED,
    };
    UnparsedPublicKey::new(parameters, point)
        .verify(text, &signature)
        .is_ok()
}

#[test]
fn each_format_of_a_key_is_that_key() {
    for (thumbprint, formats, kind) in KEYS {
        for text in formats {
            let key = SigningKey::read(text).expect(thumbprint);
            assert_eq!(key.kind(), kind);
            assert_eq!(key.public().thumbprint(), thumbprint);
        }
    }
}

#[test]
fn each_algorithm_is_signed_and_verified_with_each_format() {
    for (_, formats, kind) in KEYS {
        for algorithm in Algorithm::ALL {
            for text in formats {
                let key = SigningKey::read(text).expect("a key");
                if algorithm.kind() != kind {
                    let error = key.algorithm(Some(algorithm)).expect_err("another kind");
                    assert_eq!(error, BadKey::Algorithm { kind, algorithm });
                    continue;
                }
                assert_eq!(key.algorithm(Some(algorithm)), Ok(algorithm));
                let (header, claims) = (json!({ "kid": "k" }), json!({ "iss": "c" }));
                let part = |part: Value| part.as_object().expect("an object").clone();
                let signed = compact(&key, algorithm, part(header), &part(claims));
                let signed = signed.expect("signed");
                let signed = signed.expose_secret();
                assert!(is_signed(&key.public(), algorithm, signed));
                let other = format!("x{signed}");
                assert!(!is_signed(&key.public(), algorithm, &other));
                let (header, _) = signed.split_once('.').expect("parts");
                let header: Value = serde_json::from_slice(&bytes(header)).expect("JSON");
                assert_eq!(header, json!({ "alg": algorithm.name(), "kid": "k" }));
            }
        }
    }
}

/// RFC 7515 A.2: PKCS #1 v1.5 gives the same signature each time.
#[test]
fn the_example_of_rfc_7515_is_signed_as_it_stands_there() {
    let key = SigningKey::read(key!("rfc7515-a2.jwk.json")).expect("a key");
    let text = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = key.sign(Algorithm::Rs256, text.as_bytes()).expect("signed");
    assert_eq!(
        base64url(&signature),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
}

/// RFC 7638 §3.1.
#[test]
fn the_thumbprint_of_rfc_7638_is_found() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = PublicKey::rsa(&bytes(n), &bytes("AQAB"));
    assert_eq!(
        key.thumbprint(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

#[test]
fn keys_are_read_however_they_were_copied() {
    let pem = key!("p256.sec1.pem");
    let one_line = pem.trim_end().replace('\n', "\\n");
    for text in [
        format!("\u{feff}{pem}\n\n"),
        format!("  {}", pem.replace('\n', "\r\n")),
        one_line.clone(),
        one_line.replace("\\n", " "),
        format!("{}\n{pem}", key!("rsa.public.pem")),
        format!("Bag Attributes\n    friendlyName: x\n{pem}"),
    ] {
        let key = SigningKey::read(&text).expect("a key");
        assert_eq!(key.kind(), Kind::P256, "{}", &text[..20]);
    }
}

#[test]
fn what_is_no_key_is_told_and_not_shown() {
    let jwk = |change: fn(&mut Value)| {
        let mut jwk: Value = serde_json::from_str(key!("rsa.jwk.json")).expect("JSON");
        change(&mut jwk);
        jwk.to_string()
    };
    let pem = key!("rsa.pkcs8.pem");
    let mut damaged = pem.to_owned();
    damaged.replace_range(400..404, "AAAA");
    for (text, expected) in [
        ("", BadKey::Format),
        ("hunter2", BadKey::Format),
        (&pem[..800], BadKey::BrokenPem),
        (&pem.replacen("MII", "M*I", 1), BadKey::BrokenPem),
        (&pem.replacen("MIIE", "MIIF", 1), BadKey::Unreadable),
        (key!("encrypted.pem"), BadKey::Encrypted),
        (key!("rsa.proc-type.pem"), BadKey::Encrypted),
        (key!("rsa.public.pem"), BadKey::NotPrivate("public key")),
        (key!("rsa1024.pem"), BadKey::Size),
        (key!("ed25519.pem"), BadKey::Unreadable),
        (key!("k256.pem"), BadKey::Unreadable),
        (&format!("{pem}{pem}"), BadKey::Several),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n-----END OPENSSH PRIVATE KEY-----",
            BadKey::OpenSsh,
        ),
        ("{", BadKey::Json { line: 1, column: 1 }),
        (r#"{"keys":[]}"#, BadKey::KeySet),
        (r#"{"kty":"oct","k":"AAAA"}"#, BadKey::Unsupported),
        (&jwk(|jwk| jwk["d"] = Value::Null), BadKey::Lacks("d")),
        (&jwk(|jwk| jwk["qi"] = Value::Null), BadKey::Lacks("qi")),
        (&jwk(|jwk| jwk["p"] = "a b".into()), BadKey::Member("p")),
        (&jwk(|jwk| jwk["use"] = "enc".into()), BadKey::Use),
        (&jwk(|jwk| jwk["alg"] = "ES256".into()), BadKey::Alg),
        (&jwk(|jwk| jwk["alg"] = "none".into()), BadKey::Alg),
    ] {
        let error = SigningKey::read(text).expect_err("no key");
        assert_eq!(error, expected, "{}", text.get(..40).unwrap_or(text));
        let said = format!("{error} {}", error.hint());
        assert!(!said.contains("hunter2"), "{said}");
    }
    // Which of the two it is depends on where the damage is.
    SigningKey::read(&damaged).expect_err("damaged");
}

#[test]
fn debug_shows_no_key() {
    let key = SigningKey::read(key!("p521.jwk.json")).expect("a key");
    assert_eq!(format!("{key:?}"), "SigningKey(EC P-521)");
}

#[test]
fn a_new_key_signs_and_is_no_other() {
    let (one, other) = (SigningKey::generate(), SigningKey::generate());
    let (one, other) = (one.expect("a key"), other.expect("a key"));
    assert_ne!(one.public(), other.public());
    let signed = compact(
        &one,
        Algorithm::Es256,
        serde_json::Map::new(),
        &serde_json::Map::new(),
    );
    let signed = signed.expect("signed");
    assert!(is_signed(
        &one.public(),
        Algorithm::Es256,
        signed.expose_secret()
    ));
    assert!(!is_signed(
        &other.public(),
        Algorithm::Es256,
        signed.expose_secret()
    ));
}
