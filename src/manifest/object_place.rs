//! Where in a text the issues of a JSON object stand.

use super::json::pairs;
use super::problem::{Issue, Place, Spot};
use super::text::Text;

/// Places the issues of one object of a text.
pub(super) struct ObjectPlace<'t, 'a> {
    pub text: &'t Text<'a>,
    pub object: &'a str,
    pub row: Option<u64>,
}

impl Place for ObjectPlace<'_, '_> {
    fn find(&self, issue: &Issue) -> Spot {
        let offset = issue
            .offset
            .unwrap_or_else(|| locate(self.text, self.object, &issue.field));
        Spot {
            row: self.row,
            ..self.text.spot(offset)
        }
    }

    fn row(&self) -> u64 {
        self.row.unwrap_or_default()
    }
}

// The offset of a dotted path's key, or of the nearest object around it that is there.
fn locate(text: &Text<'_>, object: &str, path: &str) -> usize {
    let mut offset = text.offset(object);
    let mut object = object;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        let found = pairs(object).and_then(|pairs| pairs.into_iter().find(|pair| pair.key == key));
        let Some(pair) = found else { break };
        offset = pair.offset(text);
        object = pair.value;
    }
    offset
}
