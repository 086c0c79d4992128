//! Questions about runs: each file reads what one answer needs and applies the
//! rules of the domain to it. Nothing is written by asking.

mod active;
mod failures;
mod graph;
mod hosts;
mod last_alive;
mod life;
mod page;
mod runs;
mod stuck;
mod summary;
mod timeline;

use std::{fmt, sync::Arc, time::Duration};

pub use active::{ActiveRun, ActiveRunList};
pub use failures::FailureFilter;
pub use graph::{GraphNode, RunGraph};
pub use last_alive::LastAliveSpan;
pub use page::{InvalidPageToken, RunPageToken, SpanPageToken};
pub use runs::RunPage;
pub use stuck::StuckRun;
pub use summary::{RunFigures, RunReport};
pub use timeline::{Timeline, TimelineSpan};

use crate::{
    domain::{
        liveness::Limits,
        time::{Clock, Timestamp},
    },
    storage::Database,
};

/// For how long a page of runs is looked for before what was found is given.
const WALK_TIME: Duration = Duration::from_secs(5);

/// Asks a database. Cheap to clone.
#[derive(Clone)]
pub struct Questions {
    database: Database,
    clock: Arc<dyn Clock>,
    limits: Limits,
    walk_time: Duration,
}

impl Questions {
    /// Asks `database`, judging by `clock` and `limits`.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self { database, clock, limits, walk_time: WALK_TIME }
    }

    /// Looks for a page of runs for no longer than `walk_time`: at zero each
    /// page is what the first statement finds.
    #[must_use]
    pub fn walking_for(mut self, walk_time: Duration) -> Self {
        self.walk_time = walk_time;
        self
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions").field("limits", &self.limits).finish_non_exhaustive()
    }
}
