//! What a timeline says of each span.

use super::tree;
use crate::{
    cli::{
        output::{Hue, Output, Palette, bytes, clip, seconds, visible},
        runs::progress,
    },
    proto::v1,
};

/// Writes the run, its steps, and a legend.
pub(super) fn write(timeline: &v1::GetTimelineResponse, output: &mut Output) {
    let palette = output.palette();
    output.line(&heading(timeline, palette));
    for place in tree::places(&timeline.spans) {
        let span = &timeline.spans[place.index];
        let is_last_alive = span.span_id == timeline.last_alive_span_id;
        output.line(&format!("{}{}", place.before, headline(span, is_last_alive, palette)));
        for detail in details(span, palette) {
            output.line(&format!("{}  {detail}", place.beneath));
        }
    }
    let legend = "▶ last alive   ! why it failed   + artifact (its id)   retry #n: attempt n+1";
    output.line(&palette.paint(Hue::Faint, legend));
}

fn heading(timeline: &v1::GetTimelineResponse, palette: Palette) -> String {
    let mut words = vec![
        palette.paint(Hue::Strong, &format!("run {}", visible(&timeline.run_id))),
        palette.paint(Hue::of_status(timeline.status()), timeline.status().as_str_name()),
    ];
    if !timeline.task_id.is_empty() {
        words.push(format!("task {}", clip(&timeline.task_id, 80)));
    }
    words.extend(retry(timeline.attempt, palette));
    if !timeline.retry_of.is_empty() {
        words.push(format!("of run {}", visible(&timeline.retry_of)));
    }
    words.push(match timeline.spans.len() {
        1 => "1 span".to_owned(),
        many => format!("{many} spans"),
    });
    words.join("  ")
}

fn retry(attempt: u32, palette: Palette) -> Option<String> {
    (attempt > 1).then(|| palette.paint(Hue::Warning, &format!("retry #{}", attempt - 1)))
}

fn headline(span: &v1::Span, is_last_alive: bool, palette: Palette) -> String {
    let step = if span.step_name.is_empty() { "(unnamed)" } else { &span.step_name };
    let step = clip(step, 80);
    let mut words = Vec::new();
    words.push(if is_last_alive {
        palette.paint(Hue::Strong, &format!("▶ {step}"))
    } else {
        step
    });
    let place = match (span.layer.as_str(), span.executor_host.as_str()) {
        ("", "") => String::new(),
        (layer, "") => clip(layer, 40),
        ("", host) => format!("@ {}", clip(host, 40)),
        (layer, host) => format!("{} @ {}", clip(layer, 40), clip(host, 40)),
    };
    if !place.is_empty() {
        words.push(palette.paint(Hue::Faint, &place));
    }
    if !span.agent.is_empty() {
        words.push(palette.paint(Hue::Faint, &clip(&span.agent, 40)));
    }
    words.push(palette.paint(Hue::of_status(span.status()), span.status().as_str_name()));
    words.extend(retry(span.attempt, palette));
    words.push(seconds(span.duration_seconds));
    if let Some(told) = &span.progress {
        words.push(progress(told));
    }
    words.join("  ")
}

fn details(span: &v1::Span, palette: Palette) -> Vec<String> {
    let mut details = Vec::new();
    let said = span.error.as_ref().map(|error| match error.r#type.as_str() {
        "" => clip(&error.message, 160),
        kind => format!("{}: {}", clip(kind, 40), clip(&error.message, 160)),
    });
    if !span.reason_code.is_empty() || said.is_some() {
        let kind = span.reason_kind();
        let reason = format!("{} {}", kind.as_str_name(), clip(&span.reason_code, 40));
        let reason = palette.paint(Hue::of_kind(kind), reason.trim_end());
        details.push(format!("! {reason}  {}", said.unwrap_or_default()).trim_end().to_owned());
    }
    for artifact in &span.artifact_list {
        details.push(format!(
            "+ {} {} {} ({})",
            clip(&artifact.artifact_type, 40),
            visible(&artifact.artifact_id),
            clip(&artifact.file_name, 80),
            bytes(artifact.size_bytes),
        ));
    }
    if span.conflicting_ends > 0 {
        let conflict = format!("{} later ends said something else", span.conflicting_ends);
        details.push(palette.paint(Hue::Warning, &conflict));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_retry_is_told_in_one_line_and_its_reason_in_the_next() {
        let span = v1::Span {
            step_name: "fetch page".into(),
            layer: "tool".into(),
            executor_host: "us-vps".into(),
            agent: "qa".into(),
            status: v1::Status::Failed.into(),
            attempt: 3,
            duration_seconds: 1.25,
            reason_code: "timeout".into(),
            reason_kind: Some(v1::ReasonKind::Transient.into()),
            error: Some(v1::SpanError {
                r#type: "TimeoutError".into(),
                message: "30 s\u{1b}[2J passed".into(),
                stack_trace: String::new(),
            }),
            artifact_list: vec![v1::Artifact {
                artifact_id: "0198".into(),
                artifact_type: "log".into(),
                file_name: "a\nb.log".into(),
                size_bytes: 2048,
                ..Default::default()
            }],
            ..Default::default()
        };
        let palette = Palette::plain();
        assert_eq!(
            headline(&span, true, palette),
            "▶ fetch page  tool @ us-vps  qa  FAILED  retry #2  1.2s"
        );
        assert_eq!(
            details(&span, palette),
            [
                "! TRANSIENT timeout  TimeoutError: 30 s\\x1b[2J passed",
                "+ log 0198 a\\nb.log (2.0 KiB)"
            ]
        );
    }
}
