//! What a browser sends: the fields of a form, and those of a query. Bodies have an end, in bytes and in time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

/// Bytes of a body at most: some thousand answers.
const MOST: usize = 4 * 1024 * 1024;

/// How long a body may take.
const LONGEST: Duration = Duration::from_mins(1);

/// The fields of a form. They may hold codes, which are wiped with it.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

/// Why a form is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadForm(pub StatusCode, pub &'static str);

impl Form {
    /// Reads a body.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, BadForm> {
        let too_large = BadForm(
            StatusCode::PAYLOAD_TOO_LARGE,
            "this is more than 4 MiB: hand it in in parts",
        );
        let length = headers.get(CONTENT_LENGTH).and_then(|length| {
            let length: usize = length.to_str().ok()?.parse().ok()?;
            Some(length)
        });
        if length.is_some_and(|length| length > MOST) {
            return Err(too_large);
        }
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let message = "a form is application/x-www-form-urlencoded";
            return Err(BadForm(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let read = tokio::time::timeout(LONGEST, to_bytes(body, MOST)).await;
        let read = read.map_err(|_| BadForm(StatusCode::REQUEST_TIMEOUT, "this took too long"))?;
        let bytes = Zeroizing::new(read.map_err(|error| refused(&error, too_large))?.to_vec());
        Ok(Self::of(&bytes))
    }

    /// Of what stands in a body or a query.
    pub fn of(text: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(text);
        let fields =
            fields.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())));
        Self(fields.collect())
    }

    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value.as_str())
    }

    /// The same, if anything stands in it.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }
}

// What it is that a body has too much of, only the source of the error tells.
fn refused(error: &axum::Error, too_large: BadForm) -> BadForm {
    let source = std::error::Error::source(error);
    let is_too_large = source.is_some_and(|source| {
        source
            .downcast_ref::<http_body_util::LengthLimitError>()
            .is_some()
    });
    if is_too_large {
        too_large
    } else {
        BadForm(StatusCode::BAD_REQUEST, "the body broke off")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, length: Option<usize>, body: Vec<u8>) -> Result<Form, BadForm> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        Form::read(&headers, Body::from(body)).await
    }

    #[tokio::test]
    async fn a_body_has_its_bounds() {
        const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
        let form = read(FORM, None, b"csrf=a%20b&answers=x%3Dy&csrf=c".to_vec()).await;
        let form = form.ok().unwrap();
        assert_eq!(
            (form.get("csrf"), form.get("answers")),
            (Some("a b"), Some("x=y"))
        );
        assert_eq!(
            (form.get("other"), form.filled("csrf")),
            (None, Some("a b"))
        );
        for (kind, length, body, wanted) in [
            (
                FORM,
                Some(MOST + 1),
                Vec::new(),
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (
                FORM,
                None,
                vec![b'a'; MOST + 1],
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (
                "text/plain",
                None,
                Vec::new(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            (
                "multipart/form-data",
                None,
                Vec::new(),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
        ] {
            let refused = read(kind, length, body).await.err().unwrap();
            assert_eq!(refused.0, wanted);
        }
        assert!(read(FORM, Some(MOST), vec![b'a'; MOST]).await.is_ok());
    }
}
