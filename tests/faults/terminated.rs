//! SIGTERM under load, with peers that connect and say nothing, and others that
//! never read what they are told.

use std::time::Instant;

use crate::{
    fleet::ledger::Fact,
    random::Random,
    requests::Key,
    silent::Silent,
    stage::{Record, Stage, volume},
};

const CLIENTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_never_read_do_not_keep_the_server_from_ending_in_order() {
    let mut random = Random::seeded("terminated");
    let mut record = Record::of("back after SIGTERM");
    let mut exits = Record::of("exit at SIGTERM");
    let mut stage = Stage::open(&[]).await;
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(5, 200) {
        fleet.all_move().await;
        let key = Key::of(random.uuid(), random.uuid());
        fleet.book.ledger().sends(&key, 1, Fact::Progress(0.0));
        let silent = Silent::connect(stage.at, &key).await;
        fleet.moves(1 + random.below(500)).await;
        let (took, in_order) = stage.terminate();
        println!("SIGTERM: exit after {took:?}");
        exits.took(took);
        assert!(in_order, "all that waited was stored: {}", stage.server().log());
        let left = stage.home.postgres_processes();
        assert!(left.is_empty(), "its Postgres has ended with it: {left:?}");
        drop(silent);
        let gone_at = Instant::now();
        stage.start(&[]);
        record.back_in_service(&mut fleet, gone_at, "SIGTERM").await;
        fleet.check(&stage.database_url).await;
    }
    fleet.settle(&stage.database_url).await;
}
