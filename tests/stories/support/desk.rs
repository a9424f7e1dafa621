//! A desk as a browser meets it, without one: requests, forms as its pages have them, and what they answer.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::Live;
use super::hunter::Ear;

/// An answer.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Page {
    /// As it came.
    pub fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// A header's value, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The cookie that it sets.
    pub fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub fn shows(self, what: &str) -> Self {
        assert!(
            self.body.contains(what),
            "{what:?} is missing in:\n{}",
            self.body
        );
        self
    }

    #[track_caller]
    pub fn hides(self, what: &str) -> Self {
        assert!(!self.body.contains(what), "{what:?} is in:\n{}", self.body);
        self
    }

    /// What stands in elements of this role.
    pub fn told(&self, role: &str) -> String {
        let begin = format!("role=\"{role}\"");
        let parts = self.body.split(&begin).skip(1);
        let parts = parts.map(|part| part.split("</div>").next().unwrap_or_default());
        parts.collect()
    }

    /// The hidden fields of the first form that leads there.
    #[track_caller]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let begin = format!("action=\"{action}\"");
        let form = self.body.split("<form").find(|form| form.contains(&begin));
        let form = form.unwrap_or_else(|| panic!("no form {action} in:\n{}", self.body));
        let form = form.split("</form>").next().unwrap();
        let hidden = form
            .split("<input")
            .filter(|input| input.contains("type=\"hidden\""));
        let value = |input: &str, name: &str| {
            let value = input.split(&format!(" {name}=\"")).nth(1)?;
            Some(value.split('"').next()?.replace("&amp;", "&"))
        };
        hidden
            .filter_map(|input| Some((value(input, "name")?, value(input, "value")?)))
            .collect()
    }
}

/// A desk, and the program that serves it.
pub struct Desk {
    pub live: Live,
    pub address: String,
    pub token: String,
    /// Where a link leads that is not this desk's address.
    pub base: String,
    cookie: RefCell<Option<String>>,
    ear: Ear,
}

impl Desk {
    pub(super) fn of(live: Live, link: &str, address: Option<&str>, ear: Ear) -> Self {
        let (base, token) = link.split_once("/?token=").unwrap();
        let (_, host) = base.split_once("://").unwrap();
        Self {
            live,
            address: address.unwrap_or(host).to_owned(),
            token: token.to_owned(),
            base: base.to_owned(),
            cookie: RefCell::default(),
            ear,
        }
    }

    /// Opens the link that was printed, as a browser does: from then on it has the cookie.
    #[track_caller]
    pub fn enter(&self) -> Page {
        let page = self
            .ask("GET", &format!("/?token={}", self.token), &[], "")
            .is(303);
        self.cookie.replace(Some(page.cookie()));
        self.get("/consents")
    }

    /// A page, by whoever has the cookie.
    pub fn get(&self, path: &str) -> Page {
        self.ask("GET", path, &self.cookie(), "")
    }

    fn cookie(&self) -> Vec<(&'static str, String)> {
        let cookie = self.cookie.borrow().clone();
        cookie
            .map(|cookie| ("Cookie", cookie))
            .into_iter()
            .collect()
    }

    /// A form, by whoever has the cookie.
    pub fn post(&self, path: &str, fields: &[(String, String)]) -> Page {
        self.post_with(path, fields, &self.cookie())
    }

    /// A form with these headers.
    pub fn post_with(
        &self,
        path: &str,
        fields: &[(String, String)],
        headers: &[(&'static str, String)],
    ) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let kind = (
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        );
        let headers = [headers, &[kind]].concat();
        self.ask("POST", path, &headers, &form.finish())
    }

    /// Hands in what Okta's page showed.
    #[track_caller]
    pub fn hand_in(&self, answers: &str) -> Page {
        let mut fields = self.get("/consents").is(200).form("/consents/answers");
        fields.push(("answers".to_owned(), answers.to_owned()));
        self.post("/consents/answers", &fields).is(200)
    }

    /// Any request, with its `Host` unless it says one.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Page {
        let mut lines = vec![
            format!("{method} {path} HTTP/1.1"),
            "Connection: close".into(),
        ];
        if !headers.iter().any(|(name, _)| *name == "Host") {
            lines.push(format!("Host: {}", self.address));
        }
        if !body.is_empty() {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        lines.extend(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        let head = lines.join("\r\n") + "\r\n";
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // Who is refused may not be listened to to the end.
        drop(stream.write_all(body.as_bytes()));
        let mut text = Vec::new();
        drop(stream.read_to_end(&mut text));
        self.ear
            .hear(&format!("{method} {path} of the desk"), &text);
        Page::of(&String::from_utf8_lossy(&text))
    }

    /// A stream of events, from after this one on.
    pub fn events(&self, after: Option<&str>) -> Stream {
        let mut lines = vec![
            "GET /events HTTP/1.1".to_owned(),
            format!("Host: {}", self.address),
        ];
        lines.extend(
            self.cookie()
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        lines.extend(after.map(|after| format!("Last-Event-ID: {after}")));
        let head = lines.join("\r\n") + "\r\n";
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        Stream {
            from: stream,
            heard: String::new(),
            ear: self.ear.clone(),
        }
    }
}

/// A stream of events.
pub struct Stream {
    from: TcpStream,
    heard: String,
    ear: Ear,
}

impl Stream {
    /// Waits until it says this; all that was heard by then.
    #[track_caller]
    pub fn says(&mut self, what: &str) -> &str {
        let mut part = [0; 4_096];
        while !self.heard.contains(what) {
            let read = self.from.read(&mut part).unwrap_or_default();
            assert!(read > 0, "{what:?} is missing in:\n{}", self.heard);
            self.ear.hear("events of the desk", &part[..read]);
            self.heard += &String::from_utf8_lossy(&part[..read]);
        }
        &self.heard
    }

    /// The id of the last event so far.
    pub fn last_id(&self) -> String {
        let mut lines = self.heard.lines().rev();
        let last = lines.find_map(|line| line.strip_prefix("id: "));
        last.unwrap().to_owned()
    }
}
