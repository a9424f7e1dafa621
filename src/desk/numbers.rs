//! Numbers in the text that Prometheus reads (its exposition format 0.0.4), which its own crate writes.

use prometheus::{CounterVec, GaugeVec, Opts, Registry, TextEncoder};

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It rises and falls.
    Gauge,
    /// It only rises, as long as the process lives.
    Counter,
}

/// What is answered once. Most of it stands in ledgers, not in this process: so each look begins anew.
#[derive(Default)]
pub(super) struct Numbers(Registry);

impl Numbers {
    /// Adds a metric of this name and help with its values, each by what its labels say. One without values is not shown.
    ///
    /// # Errors
    /// A name that Prometheus does not know as one, or that was added before.
    pub fn add<'a, const LABELS: usize>(
        &self,
        kind: Kind,
        (name, help): (&str, &str),
        labels: [&str; LABELS],
        values: impl IntoIterator<Item = ([&'a str; LABELS], f64)>,
    ) -> prometheus::Result<()> {
        let about = Opts::new(name, help);
        match kind {
            Kind::Gauge => {
                let gauges = GaugeVec::new(about, &labels)?;
                self.0.register(Box::new(gauges.clone()))?;
                for (of, value) in values {
                    gauges.get_metric_with_label_values(&of)?.set(value);
                }
            }
            Kind::Counter => {
                let counters = CounterVec::new(about, &labels)?;
                self.0.register(Box::new(counters.clone()))?;
                for (of, value) in values {
                    counters.get_metric_with_label_values(&of)?.inc_by(value);
                }
            }
        }
        Ok(())
    }

    /// The text, metrics by name.
    ///
    /// # Errors
    /// Never, as long as metrics with values only are shown.
    pub fn page(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.0.gather())
    }
}

/// A count as Prometheus has it: exact up to 2⁵³.
#[expect(
    clippy::cast_precision_loss,
    reason = "that is what Prometheus counts in"
)]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_kind_and_labels_that_are_quoted() {
        let numbers = Numbers::default();
        let values = [(["a\"\n\\b"], 2.5), (["c"], 1e9)];
        numbers
            .add(Kind::Counter, ("calls_total", "calls"), ["org"], values)
            .unwrap();
        numbers
            .add(Kind::Gauge, ("left", "what is left"), [], [([], -1.0)])
            .unwrap();
        numbers
            .add(Kind::Gauge, ("nothing", "no values"), ["org"], [])
            .unwrap();
        assert_eq!(
            numbers.page().unwrap(),
            "# HELP calls_total calls\n# TYPE calls_total counter\n\
             calls_total{org=\"a\\\"\\n\\\\b\"} 2.5\ncalls_total{org=\"c\"} 1000000000\n\
             # HELP left what is left\n# TYPE left gauge\nleft -1\n"
        );
        numbers
            .add(Kind::Gauge, ("left", "again"), [], [])
            .unwrap_err();
    }
}
