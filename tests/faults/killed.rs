//! The server is killed: at random moments, and at places where a moment would
//! have to be lucky to fall.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::{
    proxy::Mode,
    random::Random,
    stage::{Record, Road, Stage, volume},
};

/// Where it is killed, and how often it passes there before: at least, and at
/// random more. The least is what it takes to see that it is back in service.
const PLACES: [(&str, u64, u64); 7] = [
    (AT_RANDOM, 0, 0),
    ("before-write", 10, 50),
    ("before-commit", 10, 50),
    ("after-commit", 10, 50),
    ("before-rename", 0, 6),
    ("after-rename", 0, 6),
    ("drain", 0, 2),
];

const AT_RANDOM: &str = "at random";

const CLIENTS: usize = 20;

/// After so many faults the next are played on a fresh database, so that the
/// comparison after each stays short.
const CHAPTER: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    if !cfg!(feature = "failpoints") {
        panic!("built without failpoints: run `make test`, or cargo test --features failpoints");
    }
    let mut random = Random::seeded("server killed");
    let mut record = Record::of("server killed");
    let rounds = volume(30, 1000);
    let mut round = 0;
    while round < rounds {
        let mut stage = Stage::open(&[]).await;
        let road = Road::to(&stage).await;
        let mut fleet = stage.fleet_at(road.at(), stage.at, CLIENTS, &mut random);
        let end = rounds.min(round + CHAPTER);
        // The first of a chapter is at random: its server has no place to die at.
        let mut place = AT_RANDOM;
        while round < end {
            road.set(Mode::Pass);
            match place {
                AT_RANDOM => {
                    fleet.moves(1 + random.below(200)).await;
                    tokio::time::sleep(random.micros(Duration::from_millis(50))).await;
                    stage.server().signal(Signal::SIGKILL);
                }
                "drain" => {
                    fleet.moves(1 + random.below(200)).await;
                    stage.server().signal(Signal::SIGTERM);
                }
                _ => {}
            }
            stage.is_killed();
            if place != AT_RANDOM {
                stage.says("failpoint reached", 0).await;
            }
            // The next place is reached when this fault has been dealt with.
            road.set(Mode::Cut);
            let gone_at = Instant::now();
            round += 1;
            let (next, least, more) = PLACES[usize::try_from(round).unwrap() % PLACES.len()];
            let failpoint = format!("{next}={}*off->return", least + random.below(more));
            let armed: &[(&str, &str)] = &[("FAILPOINTS", &failpoint)];
            let dies = next != AT_RANDOM && round < end;
            stage.start(if dies { armed } else { &[] });
            record.back_in_service(&mut fleet, gone_at, place).await;
            fleet.check(&stage.database_url).await;
            place = next;
        }
        road.set(Mode::Pass);
        fleet.settle(&stage.database_url).await;
    }
}
