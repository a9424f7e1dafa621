//! Files of one folder use each other in one direction only: between a parent and its children it may go both ways.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Module, Tree};

/// Of one folder: who uses whom, and where first.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// Every circle, once.
pub fn violations(tree: &Tree) -> Vec<String> {
    let mut folders: BTreeMap<Module, Uses> = BTreeMap::new();
    for (module, file) in &tree.0 {
        for named in &file.named {
            let home = tree.home(&named.path);
            let depth = module
                .iter()
                .zip(&home)
                .take_while(|(ours, theirs)| ours == theirs)
                .count();
            if let (Some(ours), Some(theirs)) = (module.get(depth), home.get(depth)) {
                folders
                    .entry(module[..depth].to_vec())
                    .or_default()
                    .entry(ours.clone())
                    .or_default()
                    .entry(theirs.clone())
                    .or_insert_with(|| format!("{}:{}", file.name, named.line));
            }
        }
    }
    let mut found = Vec::new();
    for (folder, uses) in &folders {
        found.extend(circles(uses).into_iter().map(|circle| {
            let folder = folder.join("::");
            format!(
                "a circle in {}: {circle}",
                if folder.is_empty() {
                    "the crate"
                } else {
                    &folder
                }
            )
        }));
    }
    found
}

// From each name the shortest way back to it, each circle told of its first name only.
fn circles(uses: &Uses) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for start in uses.keys() {
        let Some(circle) = way_back(uses, start) else {
            continue;
        };
        let members: BTreeSet<_> = circle.iter().cloned().collect();
        if told.insert(members) {
            let hops = circle.iter().zip(circle.iter().cycle().skip(1));
            let hops: Vec<_> = hops
                .map(|(from, to)| format!("{from} uses {to} ({})", uses[from][to]))
                .collect();
            found.push(hops.join(", "));
        }
    }
    found
}

fn way_back(uses: &Uses, start: &String) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in uses.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
