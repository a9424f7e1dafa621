//! What the program traces, as lines of the log. What libraries trace is left out: it may hold what is sent.

use std::fmt::Debug;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::Log;
use super::record::{Level, Record, now};
use crate::text;

/// What our own modules begin with.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// From now on the log takes what is traced.
pub(super) fn begin(log: &'static Log) {
    // Once a process: whoever comes later finds it done.
    let subscriber = tracing_subscriber::registry().with(ToLog(log));
    drop(tracing::subscriber::set_global_default(subscriber));
}

struct ToLog(&'static Log);

impl<S: Subscriber> Layer<S> for ToLog {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let inner = metadata.target().strip_prefix(OURS);
        inner.is_some_and(|inner| inner.is_empty() || inner.starts_with("::"))
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        let mut record = Record::new(now(), level, "trace");
        event.record(&mut Fields(&mut record));
        self.0.write_soon(&record);
    }
}

struct Fields<'a>(&'a mut Record);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.fields.push((field.name(), value.into()));
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, text::presentable(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, text::presentable(&format!("{value:?}")));
    }
}
