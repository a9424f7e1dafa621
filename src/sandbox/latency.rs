//! How long Okta was recorded to take (API.md §3.3), redrawn from a seed.

use std::time::Duration;

use super::names;
use super::settings::Latency;

/// Minimum, median and maximum in milliseconds.
struct Recorded(f64, f64, f64);

/// Operations nobody recorded take as long as a GET of the connection, the most frequent recording.
const OTHERS: Recorded = Recorded(1090.0, 1135.0, 1234.0);

/// What was recorded for an operation.
fn recorded(method: &str, pattern: &str) -> Recorded {
    match (method, pattern) {
        ("POST", "/api/v1/idps") => return Recorded(581.0, 2025.0, 2993.0),
        // Only its median was kept.
        ("PUT", "/api/v1/idps/{id}") => return Recorded(1374.0, 1374.0, 1374.0),
        ("POST", "/oauth2/v1/clients/{id}/roles") => return Recorded(1095.0, 1189.0, 1269.0),
        _ => {}
    }
    let Some(below) = pattern.strip_prefix("/api/v1/apps") else {
        return OTHERS;
    };
    match (method, below) {
        ("PUT", "/{id}") => Recorded(265.0, 757.0, 2653.0),
        ("POST", "") => Recorded(295.0, 1702.0, 7943.0),
        ("GET", "/{id}") => Recorded(197.0, 1095.0, 3587.0),
        ("POST", "/{id}/connections/default") => Recorded(2733.0, 2828.0, 2923.0),
        ("POST", "/{id}/connections/default/lifecycle/activate") => {
            Recorded(3176.0, 3227.0, 3277.0)
        }
        ("GET", "/{id}/features/{feature}") => Recorded(1004.0, 1040.0, 1144.0),
        ("PUT", "/{id}/features/{feature}") => Recorded(1632.0, 1724.0, 1937.0),
        _ => OTHERS,
    }
}

/// How long the call takes that `parts` and `seed` name.
pub(super) fn draw(
    latency: Latency,
    method: &str,
    pattern: &str,
    seed: u64,
    parts: &[&str],
) -> Duration {
    match latency {
        Latency::None => Duration::ZERO,
        Latency::Fixed(period) => period.0,
        Latency::Recorded => {
            let Recorded(min, median, max) = recorded(method, pattern);
            let u = names::fraction(seed, parts);
            // Half of the calls below the median, half above, evenly on each side.
            let ms = if u < 0.5 {
                min + (median - min) * 2.0 * u
            } else {
                median + (max - median) * (2.0 * u - 1.0)
            };
            Duration::from_secs_f64(ms / 1000.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_keep_the_recorded_median_and_bounds() {
        let mut drawn: Vec<_> = (0..401)
            .map(|n: u32| {
                draw(
                    Latency::Recorded,
                    "POST",
                    "/api/v1/apps/{id}/connections/default",
                    1,
                    &[&n.to_string()],
                )
                .as_millis()
            })
            .collect();
        drawn.sort_unstable();
        assert!(drawn[0] >= 2733 && drawn[400] <= 2923, "{drawn:?}");
        assert!((2815..2841).contains(&drawn[200]), "{}", drawn[200]);
    }
}
