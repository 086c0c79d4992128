//! What networks do to connections, between clients and the server and between
//! the server and its database.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tokio::time::sleep;

use crate::{
    proxy::{Abandoned, Direction, Mode, Proxy},
    random::Random,
    stage::{Record, Road, Stage, volume},
    support,
};

const CLIENTS: usize = 12;

/// As in the tests of kills; these clients are quicker.
const CHAPTER: u32 = 12;

/// What happens to the connections that there are, and to new ones for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Reset, with what is on its way.
    Reset,
    /// Closed in order.
    Closed,
    /// Closed, and for some time new ones too.
    Refused,
    /// Silent for ever, without a word to either side. New ones pass.
    BlackHole,
    /// What is answered is lost for ever, what is sent arrives.
    OneWay,
    /// Silent for some time; then all that waited arrives.
    Stalled,
    /// Every piece is late.
    Late,
    /// One byte at a time.
    Sliced,
    /// Reset after so many more bytes of what is sent.
    CutWhenSending,
    /// The same of what is answered.
    CutWhenAnswering,
    /// One direction is closed, the other goes on.
    HalfClosed,
    /// What was sent arrives twice: between client and server all of a
    /// connection on a second one, as from a proxy that tries again; before the
    /// database what the server has long given up and sent again.
    Duplicated,
}

const FAULTS: [Fault; 12] = [
    Fault::Reset,
    Fault::Closed,
    Fault::Refused,
    Fault::BlackHole,
    Fault::OneWay,
    Fault::Stalled,
    Fault::Late,
    Fault::Sliced,
    Fault::CutWhenSending,
    Fault::CutWhenAnswering,
    Fault::HalfClosed,
    Fault::Duplicated,
];

/// Does it by a mode for a while. None for what needs more than that.
fn mode(fault: Fault, random: &mut Random) -> Option<(Mode, Duration)> {
    let millis = Duration::from_millis;
    let bytes = |random: &mut Random| usize::try_from(random.below(20_000)).unwrap();
    let a_moment = millis(50);
    Some(match fault {
        Fault::Reset => (Mode::Reset, a_moment),
        Fault::Closed => (Mode::Cut, a_moment),
        Fault::Refused => (Mode::Cut, a_moment + random.micros(millis(1500))),
        Fault::Stalled => (Mode::Stall, a_moment + random.micros(millis(1500))),
        Fault::Late => (Mode::Late(random.micros(millis(30))), millis(500)),
        Fault::Sliced => (Mode::Slices, millis(500)),
        Fault::CutWhenSending => (Mode::CutAfter(Direction::Sent, bytes(random)), millis(300)),
        Fault::CutWhenAnswering => {
            (Mode::CutAfter(Direction::Answered, bytes(random)), millis(300))
        }
        Fault::HalfClosed if random.once_in(2) => (Mode::Ended(Direction::Sent), millis(200)),
        Fault::HalfClosed => (Mode::Ended(Direction::Answered), millis(200)),
        Fault::BlackHole | Fault::OneWay | Fault::Duplicated => return None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_between_clients_and_the_server() {
    let mut random = Random::seeded("network of clients");
    let mut record = Record::of("network between clients and server");
    let rounds = volume(12, 1200);
    let mut round = 0;
    while round < rounds {
        let stage = Stage::open(&[]).await;
        let mut road = Road::to(&stage).await;
        let mut fleet = stage.fleet_at(road.at(), road.at(), CLIENTS, &mut random);
        let end = rounds.min(round + CHAPTER);
        while round < end {
            fleet.all_move().await;
            fleet.moves(1 + random.below(100)).await;
            let fault = FAULTS[usize::try_from(round).unwrap() % FAULTS.len()];
            let mut lost: Vec<Abandoned> = Vec::new();
            match (mode(fault, &mut random), fault) {
                (Some((mode, duration)), _) => {
                    road.set(mode);
                    sleep(duration).await;
                    road.set(Mode::Pass);
                }
                (None, Fault::Duplicated) => {
                    // New connections, which are recorded from their beginning.
                    road.set(Mode::Reset);
                    sleep(Duration::from_millis(50)).await;
                    road.set(Mode::Twice);
                    fleet.moves(200 + random.below(200)).await;
                    road.set(Mode::Pass);
                }
                (None, Fault::OneWay) => lost.extend(road.abandon_in(Mode::Mute)),
                (None, _) => lost.extend(road.abandon_in(Mode::Stall)),
            }
            round += 1;
            record.back_in_service(&mut fleet, Instant::now(), &format!("{fault:?}")).await;
            // Also for clients whose connections nobody ended.
            fleet.all_move().await;
            drop(lost);
            fleet.check(&stage.database_url).await;
        }
        fleet.settle(&stage.database_url).await;
    }
}

const COMMIT_TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_between_the_server_and_its_database() {
    let mut random = Random::seeded("network of the database");
    let mut record = Record::of("network between server and database");
    let rounds = volume(12, 1200);
    let mut round = 0;
    while round < rounds {
        let database_url = support::new_database().await;
        let mut proxy = Proxy::start(&database_url).await;
        let timeout = format!("{}s", COMMIT_TIMEOUT.as_secs());
        let variables = [("LIVESPAN_COMMIT_TIMEOUT", timeout.as_str())];
        let url = proxy.url_of(&database_url);
        let stage = Stage::open_at(database_url, &url, &variables).await;
        let mut fleet = stage.fleet(CLIENTS, &mut random);
        let end = rounds.min(round + CHAPTER);
        while round < end {
            fleet.all_move().await;
            fleet.moves(1 + random.below(100)).await;
            let fault = FAULTS[usize::try_from(round).unwrap() % FAULTS.len()];
            let (gone_at, lost) = match (mode(fault, &mut random), fault) {
                (Some((mode, duration)), _) => {
                    proxy.set(mode);
                    sleep(duration).await;
                    proxy.set(Mode::Pass);
                    (Instant::now(), None)
                }
                (None, _) => lose_the_way(&mut proxy, fault, &stage.database_url).await,
            };
            round += 1;
            record.back_in_service(&mut fleet, gone_at, &format!("{fault:?}")).await;
            fleet.all_move().await;
            drop(lost);
            fleet.check(&stage.database_url).await;
        }
        fleet.settle(&stage.database_url).await;
    }
}

/// The lanes' connections are lost without a word; new ones pass. Returns when
/// the lanes had to have noticed, and what keeps the connections as they are.
async fn lose_the_way(
    proxy: &mut Proxy,
    fault: Fault,
    database_url: &str,
) -> (Instant, Option<Abandoned>) {
    let way = if fault == Fault::OneWay { Mode::Mute } else { Mode::Stall };
    let lost = proxy.abandon_in(way);
    sleep(COMMIT_TIMEOUT).await;
    if fault == Fault::Duplicated {
        // What lanes gave up arrives after all, while they send it again.
        lost.set(Mode::Pass);
        return (Instant::now(), Some(lost));
    }
    if in_copy(database_url).await > 0 {
        // Only TCP finds out that nobody sends the rows, and this proxy is alive.
        println!("a backend waits within a COPY: its connection ends");
        return (Instant::now(), None);
    }
    // Their locks go when Postgres has heard nothing of them for as long again.
    sleep(COMMIT_TIMEOUT).await;
    (Instant::now(), Some(lost))
}

/// How many of the server's backends wait for rows.
async fn in_copy(database_url: &str) -> i64 {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'livespan' AND datname = current_database()
             AND state = 'active' AND wait_event = 'ClientRead'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap()
}
