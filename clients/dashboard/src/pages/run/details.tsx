// All that is known of a step, beside the view on a wide screen, over it on a small one.
import { type ReactNode, useEffect, useRef } from "react";
import { useNarrow } from "../../app/narrow";
import { useTexts } from "../../i18n/language";
import type { Step } from "../../spans/step";
import { eventsOf, withoutEvents } from "../../spans/otel";
import { KIND_TONES, ReasonBadge, RetryBadge, StatusBadge, Tag } from "../../ui/badges";
import { CopyId } from "../../ui/copy";
import { CloseIcon } from "../../ui/icons";
import { ProgressBar } from "../../ui/progress";
import { Line, Paragraph } from "../../ui/text";
import { Ago, At, Lasting, Length } from "../../ui/time";
import { Value } from "../../ui/value";
import { ArtifactFile } from "./artifact_file";

export function Details({ step, onClose }: { step: Step; onClose: () => void }) {
  const texts = useTexts();
  const isNarrow = useNarrow();
  const panel = useRef<HTMLElement>(null);
  // Over the page, it takes the focus and gives it back.
  useEffect(() => {
    if (!isNarrow) return;
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, [isNarrow]);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-labelledby="details-title"
      className="panel sticky top-16 flex max-h-[calc(100dvh-5rem)] w-[min(26rem,40%)] shrink-0 flex-col overflow-hidden outline-none max-lg:fixed max-lg:inset-y-0 max-lg:end-0 max-lg:top-0 max-lg:z-40 max-lg:max-h-dvh max-lg:w-[min(30rem,100%)] max-lg:rounded-none max-lg:shadow-2xl"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div className="flex items-start gap-2 border-b border-line px-4 py-2.5">
        <div className="min-w-0 flex-1">
          <h2 id="details-title" className="flex min-w-0 font-semibold">
            <Line text={step.name} />
          </h2>
          <div className="mt-1 flex flex-wrap items-center gap-1.5">
            <StatusBadge status={step.status} />
            <RetryBadge attempt={step.attempt} />
            {step.layer !== "" && <Tag text={step.layer} />}
            {step.host !== "" && <Tag text={step.host} />}
            {step.agent !== "" && <Tag text={step.agent} />}
          </div>
        </div>
        <button type="button" aria-label={texts.common.close} className="rounded p-1 text-ink-3 hover:text-ink" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <div tabIndex={0} role="group" aria-labelledby="details-title" className="min-h-0 flex-1 overflow-y-auto px-4 py-3">
        <div className="flex flex-col gap-4">
          {step.progress && <ProgressBar progress={step.progress} />}
          <Failure step={step} />
          {step.conflictingEnds > 0 && <p className="rounded-md bg-transient-soft px-3 py-2 text-xs text-transient-ink">{texts.run.conflictingEnds(step.conflictingEnds)}</p>}
          {step.artifacts.length > 0 && (
            <Section title={texts.run.artifacts}>
              <div className="flex flex-col gap-2">
                {step.artifacts.map((artifact) => (
                  <ArtifactFile key={artifact.artifact_id} artifact={artifact} />
                ))}
              </div>
            </Section>
          )}
          <ValueSection title={texts.run.input} value={step.input} />
          <ValueSection title={texts.run.output} value={step.output} />
          <Events step={step} />
          <ValueSection title={texts.run.attributes} value={step.attributes} />
          <ValueSection title={texts.run.otel} value={withoutEvents(step.otel)} />
          <Facts step={step} />
        </div>
      </div>
    </aside>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className="mb-1 text-xs font-semibold text-ink-3">{title}</h3>
      {children}
    </section>
  );
}

function ValueSection({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0)) return null;
  return (
    <Section title={title}>
      <Value value={value} />
    </Section>
  );
}

function Failure({ step }: { step: Step }) {
  const texts = useTexts();
  if (step.status !== "FAILED" && !step.error) return null;
  return (
    <section className={`rounded-md border-l-4 bg-raised px-3 py-2 ${KIND_TONES[step.reasonKind].border}`}>
      <h3 className="sr-only">{texts.run.error}</h3>
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <ReasonBadge kind={step.reasonKind} code={step.reasonCode} />
        <span className="text-xs text-ink-3">{texts.kindHint[step.reasonKind]}</span>
      </div>
      {step.error && (
        <div className="mt-1.5 max-h-60 overflow-auto font-mono text-xs leading-5">
          {step.error.type !== "" && <Paragraph text={step.error.type} className="font-semibold" />}
          {step.error.message !== "" && <Paragraph text={step.error.message} />}
        </div>
      )}
      {step.error && step.error.stack_trace !== "" && (
        <details className="mt-1.5">
          <summary className="text-xs text-ink-2">{texts.run.stack}</summary>
          <div tabIndex={0} role="group" aria-label={texts.run.stack} className="mt-1 max-h-80 overflow-auto font-mono text-xs leading-5 text-ink-2">
            <Paragraph text={step.error.stack_trace} />
          </div>
        </details>
      )}
      {step.reasonEvidence !== "" && (
        <p className="mt-1.5 text-xs text-ink-3">
          {texts.run.decidedBy}: <span className="user-text">{step.reasonEvidence}</span>
        </p>
      )}
    </section>
  );
}

function Events({ step }: { step: Step }) {
  const texts = useTexts();
  const events = eventsOf(step.otel);
  if (events.length === 0) return null;
  return (
    <Section title={texts.run.events}>
      <ol className="flex flex-col gap-2">
        {events.map((event, place) => (
          <li key={place} className="border-l-2 border-line-strong ps-2.5">
            <div className="flex min-w-0 items-baseline justify-between gap-2 text-[13px]">
              <Line text={event.name} className="font-medium" />
              {event.at !== null && (
                <span className="text-xs text-ink-3">
                  <At at={event.at} />
                </span>
              )}
            </div>
            {event.attributes !== null && <Value value={event.attributes} />}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Facts({ step }: { step: Step }) {
  const texts = useTexts();
  const rows: [string, ReactNode][] = [
    [texts.common.started, <At key="start" at={step.start} />],
    [texts.common.ended, step.end === null ? "–" : <At key="end" at={step.end} />],
    [
      texts.common.duration,
      step.status === "RUNNING" && step.start !== null ? <Lasting key="length" since={step.start} /> : step.start !== null && step.end !== null ? <Length key="length" seconds={Math.max(0, step.end - step.start) / 1000} /> : "–",
    ],
    [texts.common.lastHeard, <Ago key="heard" at={step.heard} />],
    [texts.run.spanId, <CopyId key="id" id={step.id} />],
  ];
  if (step.fingerprint !== "") rows.push([texts.run.fingerprint, <CopyId key="fingerprint" id={step.fingerprint} />]);
  return (
    <Section title={texts.run.times}>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-[13px]">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd className="min-w-0">{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
