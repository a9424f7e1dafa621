//! Which org is in which wave.

use crate::job::{REST, Wave};
use crate::model::OrgNo;
use crate::selection::fits;

/// A run's waves, and the wave of each of its orgs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// In the order in which they begin.
    pub waves: Vec<Wave>,
    of_org: Vec<usize>,
}

impl Groups {
    /// Of orgs in their order: each is in the first wave that names it, and those that none names are in a last one.
    /// Without waves there are none.
    pub fn of<'a>(waves: &[Wave], orgs: impl Iterator<Item = &'a str>) -> Self {
        if waves.is_empty() {
            return Self::default();
        }
        let names = |wave: &Wave, org| wave.orgs.iter().any(|pattern| fits(pattern, org));
        let place = |org| waves.iter().position(|wave| names(wave, org));
        let of_org: Vec<usize> = orgs.map(|org| place(org).unwrap_or(waves.len())).collect();
        let mut waves = waves.to_vec();
        if of_org.contains(&waves.len()) {
            waves.push(Wave {
                name: REST.to_owned(),
                ..Wave::default()
            });
        }
        Self { waves, of_org }
    }

    /// The wave of an org.
    pub fn wave_of(&self, org: OrgNo) -> Option<usize> {
        self.of_org.get(org.index()).copied()
    }

    /// The orgs of a wave, by their places.
    pub fn orgs_in(&self, wave: usize) -> impl Iterator<Item = usize> {
        let orgs = self.of_org.iter().enumerate();
        orgs.filter(move |(_, of)| **of == wave).map(|(org, _)| org)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_is_in_the_first_wave_that_names_it() {
        let wave = |orgs: &[&str]| Wave {
            orgs: orgs.iter().map(|org| (*org).to_owned()).collect(),
            ..Wave::default()
        };
        let orgs = ["prod-1", "canary-1", "eu", "canary-2", "eu-2"];
        for (waves, names, of_org) in [
            (vec![], 0, vec![]),
            (vec![wave(&["canary-*"])], 2, vec![1, 0, 1, 0, 1]),
            (
                vec![wave(&["canary-*"]), wave(&["*"])],
                2,
                vec![1, 0, 1, 0, 1],
            ),
            (
                vec![wave(&["canary-2", "eu"]), wave(&["canary-*", "*-2"])],
                3,
                vec![2, 1, 0, 0, 1],
            ),
            (vec![wave(&["*"]), wave(&["eu"])], 2, vec![0; 5]),
        ] {
            let groups = Groups::of(&waves, orgs.into_iter());
            assert_eq!(
                (groups.waves.len(), &groups.of_org),
                (names, &of_org),
                "{waves:?}"
            );
            let last = groups.waves.last().map(|wave| wave.name.as_str());
            assert_eq!(last == Some(REST), names > waves.len());
            for wave in 0..names {
                let all = groups.orgs_in(wave);
                assert!(all.into_iter().all(|org| of_org[org] == wave));
            }
        }
    }
}
