//! What was measured, as a table and as `target/bench/results.json`.

use std::{fs, path::Path};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

/// What a figure is to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// None: it is there to be able to judge the others.
    Context,
}

impl Goal {
    fn shown(self) -> String {
        match self {
            Self::AtLeast(limit) => format!("≥ {}", number(limit)),
            Self::AtMost(limit) => format!("≤ {}", number(limit)),
            Self::Context => String::new(),
        }
    }

    fn is_reached(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(limit) => Some(value >= limit),
            Self::AtMost(limit) => Some(value <= limit),
            Self::Context => None,
        }
    }
}

/// One quantity, once a round.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    name: String,
    unit: &'static str,
    goal: Goal,
    samples: Vec<f64>,
}

impl Measure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { name: name.into(), unit, goal, samples: Vec::new() }
    }

    pub(crate) fn add(&mut self, sample: f64) {
        self.samples.push(sample);
    }

    pub(crate) fn of(mut self, samples: impl IntoIterator<Item = f64>) -> Self {
        self.samples.extend(samples);
        self
    }

    pub(crate) fn median(&self) -> f64 {
        quantile(&self.samples, 0.5)
    }

    fn spread(&self) -> (f64, f64) {
        (quantile(&self.samples, 0.0), quantile(&self.samples, 1.0))
    }

    fn verdict(&self) -> &'static str {
        match self.goal.is_reached(self.median()) {
            Some(true) => "reached",
            Some(false) => "NOT reached",
            None => "",
        }
    }
}

/// The value below which this share of the samples lies.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "indices, far below 2^52"
)]
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1).expect("there are samples");
    sorted[(last as f64 * share).round() as usize]
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Everything that a run has measured.
pub(crate) struct Report {
    machine: Value,
    rounds: usize,
    quick: bool,
    figures: Vec<(String, Vec<Measure>)>,
}

impl Report {
    pub(crate) fn new(machine: Value, rounds: usize, quick: bool) -> Self {
        println!("{machine:#}");
        Self { machine, rounds, quick, figures: Vec::new() }
    }

    pub(crate) fn add(&mut self, figure: &str, measures: Vec<Measure>) {
        for measure in &measures {
            let (least, most) = measure.spread();
            println!(
                "{figure}: {} {} {} ({} to {}) {} {}",
                measure.name,
                number(measure.median()),
                measure.unit,
                number(least),
                number(most),
                measure.goal.shown(),
                measure.verdict()
            );
        }
        self.figures.push((figure.to_owned(), measures));
    }

    pub(crate) fn write(&self) {
        let figures: Vec<Value> = self.rows(|figure, measure| {
            let (least, most) = measure.spread();
            let goal = match measure.goal {
                Goal::AtLeast(limit) => json!({ "at_least": limit }),
                Goal::AtMost(limit) => json!({ "at_most": limit }),
                Goal::Context => Value::Null,
            };
            json!({
                "figure": figure,
                "name": measure.name,
                "unit": measure.unit,
                "median": measure.median(),
                "least": least,
                "most": most,
                "samples": measure.samples,
                "goal": goal,
                "reached": measure.goal.is_reached(measure.median()),
            })
        });
        let document = json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "quick": self.quick,
            "measures": figures,
        });
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("results.json"), format!("{document:#}\n")).unwrap();
    }

    pub(crate) fn print(&self) {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["figure", "measure", "median", "from … to", "goal", ""]);
        for row in self.rows(|figure, measure| {
            let (least, most) = measure.spread();
            [
                figure.to_owned(),
                measure.name.clone(),
                format!("{} {}", number(measure.median()), measure.unit),
                format!("{} … {}", number(least), number(most)),
                measure.goal.shown(),
                measure.verdict().to_owned(),
            ]
        }) {
            table.add_row(row);
        }
        println!("\n{table}");
        if self.quick {
            println!("A quick run: these figures mean nothing.");
        }
    }

    fn rows<T>(&self, row: impl Fn(&str, &Measure) -> T) -> Vec<T> {
        self.figures
            .iter()
            .flat_map(|(figure, measures)| measures.iter().map(|measure| row(figure, measure)))
            .collect()
    }
}
