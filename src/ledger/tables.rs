//! What a ledger consists of, whichever backend has it: the tables that are carried when it moves, and rows on their way.
//!
//! How a column is read or written where a backend keeps it otherwise, that backend knows. What is not here belongs to the
//! processes that work on a ledger, not to it: who holds what, and what changed last.

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    /// By what its rows are ordered, for SQL.
    pub order: &'static str,
    pub columns: &'static [Column],
}

/// A column; any may be null.
#[derive(Debug)]
pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 64 bits.
    Whole,
    /// 32 bits.
    Small,
    Flag,
    Real,
    Text,
    Bytes,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Whole(i64),
    Flag(bool),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// As many values as the table has columns.
pub(super) type Row = Vec<Value>;

impl Table {
    /// Where a column stands in a row.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|one| one.name == column)
    }
}

impl Value {
    /// Bytes that it takes on its way, about.
    pub const fn size(&self) -> usize {
        let more = match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Whole(_) | Self::Flag(_) | Self::Real(_) => 0,
        };
        size_of::<Self>() + more
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const fn whole(name: &'static str) -> Column {
    column(name, Kind::Whole)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}

/// All of them. Entries come before their calls, so that a call finds its entry.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "run",
        order: "seq",
        columns: &[
            whole("seq"),
            text("id"),
            text("file"),
            text("file_key"),
            text("digest"),
            text("context"),
            whole("started_at"),
            whole("finished_at"),
            whole("continued_at"),
            whole("ended_before"),
            text("removed"),
            text("failed"),
            flag("dropped"),
        ],
    },
    Table {
        name: "org",
        order: "run, no",
        columns: &[
            whole("run"),
            whole("no"),
            text("name"),
            text("url"),
            text("spec"),
            text("stopped"),
            text("wait"),
            flag("hub"),
            whole("requests"),
            whole("rate_limited"),
            whole("retries"),
            whole("waited_ms"),
            whole("pending"),
            whole("started"),
            whole("waiting"),
            whole("unchanged"),
            whole("changed"),
            whole("failed"),
            whole("deactivated"),
        ],
    },
    Table {
        name: "entry",
        order: "key",
        columns: &[
            whole("key"),
            whole("run"),
            whole("org"),
            whole("queue"),
            whole("line"),
            whole("state"),
            whole("version"),
            text("progress"),
            whole("due_at"),
            text("error"),
            column("app_hash", Kind::Small),
            bytes("consent"),
            whole("adopted_by"),
            flag("drifted"),
            whole("checked_at"),
            whole("last_call"),
        ],
    },
    Table {
        name: "spec",
        order: "entry",
        columns: &[whole("entry"), text("json")],
    },
    Table {
        name: "call",
        order: "id",
        columns: &[
            whole("id"),
            whole("entry"),
            whole("previous"),
            whole("at"),
            text("step"),
            text("call"),
            column("http_status", Kind::Small),
            text("okta_error_code"),
            text("request_id"),
            whole("duration_ms"),
            whole("next_at"),
        ],
    },
    Table {
        name: "settled",
        order: "consent",
        columns: &[bytes("consent"), flag("accepted")],
    },
    Table {
        name: "org_url",
        order: "no",
        columns: &[whole("no"), text("url")],
    },
    Table {
        name: "app",
        order: "org, id",
        columns: &[
            whole("org"),
            text("id"),
            bytes("hmac"),
            bytes("key_id"),
            bytes("applied"),
            whole("applied_by"),
            whole("moving_by"),
            flag("connected"),
            text("name"),
            whole("hub"),
            text("client"),
        ],
    },
    Table {
        name: "budget",
        order: "org_url, bucket",
        columns: &[
            text("org_url"),
            text("bucket"),
            whole("quota"),
            whole("until"),
            whole("left_ms"),
        ],
    },
    Table {
        name: "others",
        order: "org_url, bucket",
        columns: &[
            text("org_url"),
            text("bucket"),
            column("per_second", Kind::Real),
            flag("unsure"),
            whole("until"),
            whole("left_ms"),
        ],
    },
    Table {
        name: "notice",
        order: "no",
        columns: &[
            whole("no"),
            whole("run"),
            text("id"),
            text("type"),
            text("about"),
            whole("entries"),
            whole("at"),
            whole("delivered_at"),
            text("error"),
            bytes("again"),
        ],
    },
    Table {
        name: "wave",
        order: "run, no",
        columns: &[
            whole("run"),
            whole("no"),
            whole("started_at"),
            whole("finished_at"),
            whole("approved_at"),
            whole("passed_at"),
        ],
    },
    Table {
        name: "schedule",
        order: "job",
        columns: &[
            text("job"),
            whole("until"),
            whole("queued"),
            whole("started_at"),
        ],
    },
    SHARE,
];

/// Which links for one org were taken back; a file keeps it beside the ledger.
pub(super) const SHARE: Table = Table {
    name: "share",
    order: "org_url",
    columns: &[text("org_url"), whole("generation")],
};
