// The two things that one opens a run for: where it is stuck, and why it failed.
import type { LastAliveSpan, RunSummary } from "../../api/types";
import { useNow } from "../../app/clock";
import { duration } from "../../format/duration";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { keyOf, type Step } from "../../spans/step";
import { ReasonBadge, RetryBadge, Tag } from "../../ui/badges";
import { WarningIcon } from "../../ui/icons";
import { ProgressBar } from "../../ui/progress";
import { Line, Paragraph } from "../../ui/text";
import { Value } from "../../ui/value";
import { artifactUrl, Picture } from "./artifact_file";

export function StuckHere({ span, steps, onSelect }: { span: LastAliveSpan; steps: Step[]; onSelect: (id: string) => void }) {
  const texts = useTexts();
  const artifacts = steps.find((step) => step.key === keyOf(span.span_id))?.artifacts ?? [];
  const names = new Map(artifacts.map((artifact) => [artifact.artifact_id, artifact.file_name]));
  const files = Object.entries(span.artifacts);
  const screenshot = files.find(([name]) => name === "screenshot_id")?.[1];
  return (
    <section aria-labelledby="stuck-here" className="panel overflow-hidden border-failed/50">
      <p role="alert" className="sr-only">
        {texts.run.stuckHere}: <Line text={span.step_name} />
      </p>
      <h2 className="flex items-center gap-2 bg-failed-soft px-4 py-2 font-semibold text-failed-ink">
        <WarningIcon />
        <span id="stuck-here">{texts.run.stuckHere}</span>
        <span className="ms-auto font-normal">
          <Evidence span={span} />
        </span>
      </h2>
      <div className="flex gap-4 px-4 py-3 max-sm:flex-col">
        <div className="flex min-w-0 flex-1 flex-col gap-2">
          <div className="flex min-w-0 flex-wrap items-center gap-2">
            <button type="button" className="flex max-w-full min-w-0 gap-1.5 text-[15px] hover:underline" onClick={() => onSelect(span.span_id)}>
              {span.layer !== "" && (
                <>
                  <Line text={span.layer} className="text-ink-3" />
                  <span aria-hidden="true" className="text-ink-3">
                    ›
                  </span>
                </>
              )}
              <Line text={span.step_name} className="font-semibold" />
            </button>
            {span.executor_host !== "" && <Tag text={span.executor_host} />}
            {span.agent !== "" && <Tag text={span.agent} />}
            <RetryBadge attempt={span.attempt} />
          </div>
          {span.progress && (
            <div className="max-w-sm">
              <ProgressBar progress={span.progress} isStuck />
            </div>
          )}
          {span.input_summary !== null && span.input_summary !== undefined && (
            <div>
              <h3 className="text-xs text-ink-3">{texts.run.input}</h3>
              <div className="max-h-40 overflow-auto">
                <Value value={span.input_summary} />
              </div>
            </div>
          )}
          {files.length > 0 && (
            <p className="flex flex-wrap gap-x-3 gap-y-1 text-xs">
              <span className="text-ink-3">{texts.run.artifacts}:</span>
              {files.map(([name, id]) => (
                <a key={name} href={artifactUrl(id)} target="_blank" rel="noreferrer" className="link flex max-w-60 min-w-0">
                  <Line text={names.get(id) ?? name.replace(/_id$/, "")} />
                </a>
              ))}
            </p>
          )}
        </div>
        {screenshot !== undefined && (
          <Picture artifactId={screenshot} alt={texts.overview.screenshot(span.step_name)} className="h-36 max-w-full rounded border border-line object-contain" />
        )}
      </div>
    </section>
  );
}

/** What the verdict rests on, in the page's language and ticking, as far as it is known from when. */
function Evidence({ span }: { span: LastAliveSpan }) {
  const texts = useTexts();
  const now = useNow();
  const since = instant(span.last_alive_at);
  const limit = /limit ([\d.]+) s/.exec(span.evidence)?.[1];
  if (span.verdict !== "NO_HEARTBEAT" || since === null || limit === undefined) return <>{span.evidence}</>;
  const length = (seconds: number) => duration(seconds, texts.units, true);
  return (
    <span className="numeric" title={span.evidence}>
      {texts.verdict.NO_HEARTBEAT(length((now - since) / 1000), length(Number(limit)))}
    </span>
  );
}

export function WhyFailed({ run, onSelect }: { run: RunSummary; onSelect: (id: string) => void }) {
  const texts = useTexts();
  // The latest first: the deepest step that failed ended before those that failed for it.
  const first = run.failures.at(-1);
  const decisive = run.failures.length < 20 && first ? first : run.failures[0];
  if (!decisive) return null;
  return (
    <section aria-labelledby="why-failed" className="panel border-l-4 border-l-failed px-4 py-3">
      <div className="flex min-w-0 flex-wrap items-center gap-2">
        <h2 id="why-failed" className="font-semibold text-failed-ink">
          {texts.run.whyFailed}
        </h2>
        <ReasonBadge kind={decisive.reason_kind} code={decisive.reason_code} />
        <span className="text-xs text-ink-3">{texts.kindHint[decisive.reason_kind]}</span>
      </div>
      <div className="mt-1.5 flex min-w-0 flex-wrap items-center gap-2">
        {decisive.layer !== "" && (
          <span className="flex max-w-40 min-w-0 text-ink-3">
            <Line text={decisive.layer} />
          </span>
        )}
        <Line text={decisive.step_name} className="font-medium" />
        {decisive.executor_host !== "" && <Tag text={decisive.executor_host} />}
        <RetryBadge attempt={decisive.attempt} />
        <button type="button" className="link text-[13px]" onClick={() => onSelect(decisive.span_id)}>
          {texts.run.jump}
        </button>
      </div>
      {decisive.message !== "" && (
        <div className="mt-1.5 max-h-24 overflow-auto font-mono text-xs leading-5 text-ink-2">
          <Paragraph text={decisive.message} />
        </div>
      )}
    </section>
  );
}
