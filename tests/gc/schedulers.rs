//! What `deploy/` has schedulers run is what there is to run, every night at three.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::ground::{Ground, text};

fn deployed(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)).unwrap()
}

/// The value of a setting in a unit file.
fn setting<'t>(unit: &'t str, name: &str) -> &'t str {
    let mut values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().unwrap_or_else(|| panic!("{name} is set"));
    assert_eq!(values.next(), None, "{name} is set once");
    value
}

/// Runs a line as its scheduler's shell does, with this build as `livespan`.
async fn runs(ground: &Ground, line: &str) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_livespan")).parent().unwrap();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(line.replace("/usr/bin/livespan", "livespan"))
        .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
        .env("LIVESPAN_DATABASE_URL", &ground.app.database_url)
        .env("LIVESPAN_DATA_DIR", ground.app.folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// An expired run, which the next gc marks.
async fn expired(ground: &Ground) -> String {
    let run = ground.ended_run(1).await;
    ground.ages(&run, 8).await;
    run.run_id
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_runs_gc_every_night_at_three() {
    let timer = deployed("systemd/livespan-gc.timer");
    assert_eq!(setting(&timer, "OnCalendar"), "*-*-* 03:00:00");
    assert_eq!(setting(&timer, "Unit"), "livespan-gc.service");
    let service = deployed("systemd/livespan-gc.service");
    assert_eq!(setting(&service, "Type"), "oneshot");
    let ground = Ground::new().await;
    let run = expired(&ground).await;
    assert!(runs(&ground, setting(&service, "ExecStart")).await.contains(&run));
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_runs_gc_every_night_at_three_and_mails_nothing_but_errors() {
    let crontab = deployed("cron/livespan-gc");
    let entry = crontab.lines().find(|line| line.contains("livespan gc")).unwrap();
    let command = entry.strip_prefix("0 3 * * * livespan ").expect("at three, as livespan");
    let ground = Ground::new().await;
    expired(&ground).await;
    assert_eq!(runs(&ground, &format!("exec 2>&1; {command}")).await, "");
    let marked = "SELECT count(*) FROM runs WHERE gc_at IS NOT NULL";
    assert_eq!(ground.app.count(marked).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workflow_of_n8n_runs_gc_every_night_at_three() {
    let workflow: Value = serde_json::from_str(&deployed("n8n/livespan-gc.json")).unwrap();
    let nodes = workflow["nodes"].as_array().unwrap();
    let of_type = |kind: &str| {
        let kind = format!("n8n-nodes-base.{kind}");
        nodes.iter().find(|node| node["type"] == kind.as_str()).unwrap()
    };
    let trigger = of_type("scheduleTrigger");
    assert_eq!(trigger["parameters"]["rule"]["interval"][0]["expression"], "0 3 * * *");
    // From the trigger on, each node leads to the next, and none is left out.
    let mut reached = vec![trigger["name"].as_str().unwrap()];
    while let Some(next) =
        workflow["connections"][*reached.last().unwrap()]["main"][0][0]["node"].as_str()
    {
        assert!(nodes.iter().any(|node| node["name"] == next), "{next}");
        reached.push(next);
    }
    assert_eq!(reached.len(), nodes.len(), "{reached:?}");

    let ground = Ground::new().await;
    let run = expired(&ground).await;
    let command = of_type("executeCommand")["parameters"]["command"].as_str().unwrap();
    let stdout = runs(&ground, command).await;
    // The node's code, by the engine that n8n has.
    let script = format!(
        "const $input = {{ first: () => ({{ json: {{ stdout: {} }} }}) }};
         console.log(JSON.stringify((() => {{ {} }})()))",
        Value::from(stdout),
        of_type("code")["parameters"]["jsCode"].as_str().unwrap()
    );
    let output =
        Command::new("node").arg("-e").arg(script).output().expect("node, as setup.sh has it");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let items: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&items[0]["json"]["run_id"], &items[0]["json"]["deleted_runs"]),
        (&run.into(), &0.into())
    );
}
