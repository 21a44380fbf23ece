//! What a subscription hands out.

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Nothing.
    Null,
    /// An instant, nanoseconds since the Unix epoch.
    Time(i64),
    /// A label's value or a metric's name.
    Text(String),
    /// A sample's value or an aggregate.
    Float(f64),
    /// A count.
    Count(u64),
    /// All labels of a series but its name.
    Tags(Vec<(String, String)>),
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The subscription has begun, with its back-fill done: from now on nothing is missed by who resumes with
    /// this id. It has no rows, and does not come after a resume.
    Begin,
    /// A window is closed, and these are its rows: this comes once for each window.
    Window,
    /// A window that is open has these rows by now.
    Change,
    /// Samples that were written.
    Rows,
}

/// One event of a subscription.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Resumes behind this event.
    pub id: String,
    /// What it is.
    pub kind: EventKind,
    /// First instant of the window and the first behind it, nanoseconds; none but for windows and
    /// changes.
    pub window: Option<(i64, i64)>,
    /// Rows, each with as many cells as the subscription has columns.
    pub rows: Vec<Vec<Cell>>,
    /// Samples so far that came after their window was closed, and are in no window.
    pub late: u64,
}

impl EventKind {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Window => "window",
            Self::Change => "change",
            Self::Rows => "rows",
        }
    }
}
