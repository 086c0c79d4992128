//! What is played: each function is one run of an act, from its first step to
//! its end, or to where it is left standing.

use std::time::Duration;

use serde_json::json;

use super::{
    fleet::{
        AUDITOR, AUDITOR_ABROAD, ENCODER, EXPIRED_TOKEN, FULL_DISK, LOST_CONNECTION,
        MISSING_BUTTON, MISSING_TEXTURE, NO_PERMISSION, OUT_OF_MEMORY, PLANNER, READER, RENDERER,
        SCRAPER, SLOW_SHOP, TESTER,
    },
    screenshot,
    stage::{Opening, Run, Step},
};

const ORCHESTRATOR: &str = "L0_orchestrator";
const PLANNING: &str = "L1_planner";
const EXECUTOR: &str = "L2_executor";
const TOOL: &str = "L3_tool";
const DEVICE: &str = "L4_device";

/// How long the demo's own steps may be silent, and stand still: short enough
/// that both verdicts can be seen before the act is over.
const SHORT_LIMIT: Duration = Duration::from_secs(5);
/// How long a step may be silent whose movement is what counts.
const LONG_LIMIT: Duration = Duration::from_secs(3_600);

fn under(parent: Step) -> Opening {
    Opening { parent: Some(parent), ..Opening::default() }
}

/// A render that goes well: nested steps over three machines, progress, a
/// report and a log.
pub(super) async fn render(run: &mut Run) {
    let shots = run.random.between(3, 5);
    let input = json!({
        "scene": format!("scene-{:04}", run.random.between(1, 99)),
        "shots": shots,
        // What must never be stored: the collector redacts both.
        "storage": "postgres://render:hunter2@nas.example/renders",
        "headers": {"authorization": "Bearer eyJhbGciOiJub25lIn0.ZGVtbw.c2VjcmV0"},
    });
    let root = run
        .begin(ORCHESTRATOR, "render film", PLANNER, Opening { input, ..Opening::default() })
        .await;
    let plan = run.begin(PLANNING, "plan shots", PLANNER, under(root)).await;
    run.work(plan, 2, shots, "reading the scene").await;
    run.succeed(plan, json!({"shots": shots})).await;
    for shot in 1..=shots {
        let input = json!({"shot": shot, "samples": 256});
        let opening = Opening { input, ..under(root) };
        let step = run.begin(EXECUTOR, &format!("render shot {shot}"), RENDERER, opening).await;
        let device = run.begin(DEVICE, "path tracing", RENDERER, under(step)).await;
        let seconds = run.random.between(1, 3);
        run.work(device, seconds, 240, "frames").await;
        run.succeed(device, json!({"frames": 240})).await;
        run.succeed(step, json!({})).await;
        run.beat(root, Some((shot, shots, "shots"))).await;
    }
    let encode = run.begin(TOOL, "encode film", ENCODER, under(root)).await;
    run.work(encode, 3, 100, "percent").await;
    let log = "ffmpeg version 7.1\nInput #0, image2\nframe= 1200 fps=212 q=28.0\nvideo:18422kB\n";
    run.leave(encode, "log", "encode.log", log.into()).await;
    run.succeed(encode, json!({"bytes": 18_864_128})).await;
    let report = json!({"shots": shots, "dropped_frames": 0, "codec": "av1"});
    run.leave(root, "report", "render.json", report.to_string().into()).await;
    run.succeed(root, json!({"film": "film.mkv"})).await;
}

/// A scrape that a slow shop ends; its retry goes well. Returns whether this
/// was the try that failed.
pub(super) async fn scrape(run: &mut Run) -> bool {
    let input = json!({"shop": "shop.example", "pages": 20, "api_key": "demo-key-not-for-storage"});
    let root = run
        .begin(ORCHESTRATOR, "collect prices", SCRAPER, Opening { input, ..Opening::default() })
        .await;
    let open = run.begin(TOOL, "open browser", SCRAPER, under(root)).await;
    run.work(open, 1, 1, "").await;
    run.succeed(open, json!({"browser": "chromium"})).await;
    let fetch = run.begin(EXECUTOR, "fetch pages", SCRAPER, under(root)).await;
    if run.attempt == 1 {
        run.work(fetch, 4, 14, "pages").await;
        let picture = screenshot::error_page(run.random.between(0, 19));
        run.leave(fetch, "screenshot", "page-14.png", picture).await;
        run.fail(fetch, SLOW_SHOP).await;
        run.fail(root, SLOW_SHOP).await;
        return true;
    }
    run.work(fetch, 4, 20, "pages").await;
    let prices = run.random.between(380, 420);
    run.succeed(fetch, json!({"prices": prices})).await;
    let parse = run.begin(TOOL, "parse prices", READER, under(root)).await;
    run.work(parse, 2, 400, "rows").await;
    run.succeed(parse, json!({})).await;
    run.succeed(root, json!({})).await;
    false
}

/// A step that is tried again within its run, and goes well the second time.
pub(super) async fn exchange_rates(run: &mut Run) {
    let root = run.begin(ORCHESTRATOR, "update exchange rates", READER, Opening::default()).await;
    for attempt in 1..=2 {
        let opening = Opening { attempt, ..under(root) };
        let fetch = run.begin(TOOL, "fetch rates", READER, opening).await;
        run.work(fetch, 2, 30, "currencies").await;
        if attempt == 1 {
            run.fail(fetch, LOST_CONNECTION).await;
            run.stage.pass(1.0).await;
        } else {
            run.succeed(fetch, json!({"currencies": 30})).await;
        }
    }
    run.succeed(root, json!({})).await;
}

/// A test that can't find its button, however often it looks.
pub(super) async fn checkout_test(run: &mut Run) {
    let input = json!({
        "browser": run.random.one_of(["chromium", "firefox", "webkit"]),
        "user": "qa@shop.example",
        "password": "correct horse battery staple",
    });
    let root = run
        .begin(ORCHESTRATOR, "test the checkout", TESTER, Opening { input, ..Opening::default() })
        .await;
    for name in ["log in", "fill the basket"] {
        let step = run.begin(EXECUTOR, name, TESTER, under(root)).await;
        let seconds = run.random.between(1, 2);
        run.work(step, seconds, 4, "clicks").await;
        run.succeed(step, json!({})).await;
    }
    let pay = run.begin(EXECUTOR, "pay", TESTER, under(root)).await;
    run.work(pay, 3, 3, "looking for #pay-now").await;
    let picture = screenshot::error_page(run.random.between(0, 19));
    run.leave(pay, "screenshot", "checkout.png", picture).await;
    run.fail(pay, MISSING_BUTTON).await;
    run.fail(root, MISSING_BUTTON).await;
}

/// A preview without its texture, on a machine that runs out of things.
pub(super) async fn preview(run: &mut Run) {
    let root = run.begin(ORCHESTRATOR, "render preview", PLANNER, Opening::default()).await;
    let load = run.begin(DEVICE, "load textures", RENDERER, under(root)).await;
    run.work(load, 2, 41, "textures").await;
    run.fail(load, MISSING_TEXTURE).await;
    let encode = run.begin(TOOL, "encode preview", ENCODER, under(root)).await;
    run.work(encode, 4, 100, "percent").await;
    let mishap = run.random.one_of([FULL_DISK, OUT_OF_MEMORY]);
    let log = format!("pass 1 of 2: done\npass 2 of 2: 71%\n{}\n", mishap.message);
    run.leave(encode, "log", "encode.log", log.into()).await;
    run.fail(encode, mishap).await;
    run.fail(root, mishap).await;
}

/// An audit whose credentials have run out.
pub(super) async fn audit(run: &mut Run) {
    let input = json!({"quarter": "2026-Q3", "access_token": "demo-token-not-for-storage"});
    let root = run
        .begin(ORCHESTRATOR, "audit the ledger", AUDITOR, Opening { input, ..Opening::default() })
        .await;
    let open = run.begin(TOOL, "read the archive", AUDITOR, under(root)).await;
    run.work(open, 2, 2, "files").await;
    run.fail(open, NO_PERMISSION).await;
    let fetch = run.begin(TOOL, "ask the bank", AUDITOR_ABROAD, under(root)).await;
    run.work(fetch, 2, 3, "accounts").await;
    run.fail(fetch, EXPIRED_TOKEN).await;
    run.fail(root, EXPIRED_TOKEN).await;
}

/// A run that somebody calls off.
pub(super) async fn called_off(run: &mut Run) {
    let root = run.begin(ORCHESTRATOR, "rebuild thumbnails", PLANNER, Opening::default()).await;
    let resize = run.begin(TOOL, "resize pictures", ENCODER, under(root)).await;
    run.work(resize, 5, 500, "pictures").await;
    run.cancel(resize).await;
    run.cancel(root).await;
}

/// A run whose machine goes silent in the middle of a step: it is stuck as
/// soon as the step's limit has passed, and stays so.
pub(super) async fn goes_silent(run: &mut Run) {
    let input = json!({"from": "hk", "to": "us", "accounts": 1_204});
    let opening = Opening { input, stuck_after: Some(SHORT_LIMIT), ..Opening::default() };
    let root = run.begin(ORCHESTRATOR, "synchronise ledgers", AUDITOR, opening).await;
    let input = json!({"batch": run.random.between(3, 9), "rows": 5_000});
    let opening = Opening { input, stuck_after: Some(SHORT_LIMIT), ..under(root) };
    let copy = run.begin(EXECUTOR, "copy accounts", AUDITOR_ABROAD, opening).await;
    run.work(copy, 3, 1_204, "accounts").await;
    let picture = screenshot::error_page(run.random.between(0, 19));
    run.leave(copy, "screenshot", "console.png", picture).await;
    // And nothing more is heard of it.
}

/// A run that says every second that it lives, and gets nowhere.
pub(super) async fn stands_still(run: &mut Run, seconds: u32) {
    let opening = Opening {
        stuck_after: Some(LONG_LIMIT),
        progress_timeout: Some(SHORT_LIMIT),
        ..Opening::default()
    };
    let root = run.begin(EXECUTOR, "crawl the archive", READER, opening).await;
    let stop = run.random.between(30, 60);
    run.work(root, 3, stop, "pages").await;
    for _ in 3..seconds {
        run.stage.pass(1.0).await;
        run.beat(root, Some((stop, 120, "pages"))).await;
    }
}
