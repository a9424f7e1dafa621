//! What a role may do that works with a ledger whose tables are another's: no more than the statements of this backend
//! need.

use super::connect::SCHEMA;

/// On each table, what is used. Identity columns need no right to their sequences.
pub(super) const PRIVILEGES: [(&str, &[&str]); 17] = [
    ("run", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("org", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("entry", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("spec", &["SELECT", "INSERT", "DELETE"]),
    ("call", &["SELECT", "INSERT", "DELETE"]),
    ("settled", &["SELECT", "INSERT", "UPDATE"]),
    ("org_url", &["SELECT", "INSERT"]),
    ("app", &["SELECT", "INSERT", "UPDATE"]),
    ("budget", &["SELECT", "INSERT", "UPDATE"]),
    ("others", &["SELECT", "INSERT", "UPDATE"]),
    ("notice", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("wave", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("schedule", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("holder", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("share", &["SELECT", "INSERT", "UPDATE"]),
    ("change", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    // Its format is the owner's.
    ("ledger", &["SELECT", "UPDATE (key_check)"]),
];

/// The longest name that PostgreSQL does not cut off, in bytes.
const LONGEST: usize = 63;

/// A text that no role is named like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// No name.
    #[error("the role has no name")]
    Empty,
    /// PostgreSQL ends a text there.
    #[error("the role's name holds a NUL character")]
    Nul,
    /// PostgreSQL would take the role that is named like its beginning.
    #[error("the role's name has {0} bytes, PostgreSQL knows only {LONGEST} of a name")]
    TooLong(usize),
}

/// SQL for the ledger's owner that lets a role work with it. It needs no database to be made.
///
/// # Errors
/// When no role can have this name.
pub fn grants(role: &str) -> Result<String, RoleError> {
    let role = identifier(role)?;
    let granted = PRIVILEGES.iter().map(|(table, privileges)| {
        let privileges = privileges.join(", ");
        format!("GRANT {privileges} ON {SCHEMA}.{table} TO {role};\n")
    });
    let granted: String = granted.collect();
    Ok(format!(
        "BEGIN;\nGRANT USAGE ON SCHEMA {SCHEMA} TO {role};\n{granted}COMMIT;\n"
    ))
}

/// A name as SQL has it, whatever characters are in it (PostgreSQL, 4.1.1).
fn identifier(name: &str) -> Result<String, RoleError> {
    if name.is_empty() {
        return Err(RoleError::Empty);
    }
    if name.contains('\0') {
        return Err(RoleError::Nul);
    }
    if name.len() > LONGEST {
        return Err(RoleError::TooLong(name.len()));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_name_or_is_refused() {
        for (name, quoted) in [
            ("worker", r#""worker""#),
            ("Night Shift", r#""Night Shift""#),
            (r#"a"; DROP TABLE run; --"#, r#""a""; DROP TABLE run; --""#),
            (r#"""#, r#""""""#),
            (r"a\b", r#""a\b""#),
            ("PUBLIC", r#""PUBLIC""#),
        ] {
            assert_eq!(identifier(name).as_deref(), Ok(quoted));
        }
        let just = "ü".repeat(31) + "x";
        assert_eq!(identifier(&just), Ok(format!("\"{just}\"")));
        for (name, error) in [
            ("", RoleError::Empty),
            ("a\0b", RoleError::Nul),
            (&"ü".repeat(32), RoleError::TooLong(64)),
        ] {
            assert_eq!(grants(name), Err(error));
        }
    }
}
