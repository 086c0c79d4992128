// withSpan: a function's run as a step, from before it begins until after it ended.
import { place, within } from "./context.js";
import { type SpanKey, traceparent } from "./ids.js";
import { withOtelSpan } from "./otel.js";
import { endedByProcess, leave, enter } from "./process_end.js";
import { sanitizeFields } from "./sanitize.js";
import { agentOf, attemptOf, clean, type EndOptions, sendEnd, sendStart, type Start, startOf, type StepOptions } from "./step.js";
import { type ArtifactOptions, storeArtifact } from "./artifacts.js";
import { heartbeatMs, sendProgress } from "./transport/reporter.js";
import { warn } from "./warning.js";

/** A report nearer to the one before is kept for the next one, or the end. */
const PROGRESS_GAP_MS = 20;

/** What a step may say about itself while it runs. */
export class Span implements SpanKey {
  /** The run, a uuid. */
  readonly run_id: string;
  /** The step, a uuid. */
  readonly span_id: string;
  /** The business job, if one was named. */
  readonly task_id: string | undefined;
  /** Which try it is. */
  readonly attempt: number;
  /** The identity as a W3C trace context header, for requests that the step makes. */
  readonly traceparent: string;

  private output: unknown;
  private latest: { current: number; total?: number; note?: string } | undefined;
  private progressAt = 0;
  private isOver = false;

  /** Made by withSpan. */
  constructor(private readonly start: Start) {
    this.run_id = start.runId ?? "";
    this.span_id = start.spanId ?? "";
    this.task_id = start.taskId;
    this.attempt = start.attempt ?? 1;
    this.traceparent = traceparent(this);
  }

  /** The variables by which a program that this step starts finds it. */
  env(): Record<string, string> {
    return {
      LIVESPAN_RUN_ID: this.run_id,
      LIVESPAN_SPAN_ID: this.span_id,
      TRACEPARENT: this.traceparent,
      ...(this.task_id === undefined ? {} : { LIVESPAN_TASK_ID: this.task_id }),
    };
  }

  /** What the step is given, where that is not known at its start; the first that is said counts. */
  setInput(input: unknown): void {
    const fields = sanitizeFields(input);
    if (fields && !this.isOver && this.start.input === undefined) {
      // A start that comes twice fills in what the first one left open.
      this.start.input = fields;
      sendStart(this.start);
    }
  }

  /** What the step gives back; the last that is said before its end counts. */
  setOutput(output: unknown): void {
    this.output = output;
  }

  /** How far the step has come, in units of your choice. As often as you like. */
  progress(current: number, total?: number, note?: string): void {
    if (this.isOver) {
      return;
    }
    this.latest = clean({
      current,
      ...(total === undefined ? {} : { total }),
      ...(note === undefined ? {} : { note }),
    });
    if (Date.now() - this.progressAt >= PROGRESS_GAP_MS) {
      this.sayProgress();
    }
  }

  private sayProgress(): void {
    if (this.latest) {
      sendProgress(this.span_id, this.latest);
      this.latest = undefined;
      this.progressAt = Date.now();
    }
  }

  /**
   * Stores a file that the step leaves behind: a path, or the bytes. Resolves to the
   * artifact's id, or to nothing where the collector did not take it, which is said
   * on standard error and costs the step nothing else.
   */
  async addArtifact(
    type: string,
    content: string | Uint8Array,
    options: ArtifactOptions = {},
  ): Promise<string | undefined> {
    try {
      return await storeArtifact(this, type, content, options.content_type, options);
    } catch (error) {
      warn("artifact", `an artifact was not stored: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** Ends the step once; withSpan calls it. */
  end(how: EndOptions): void {
    if (this.isOver) {
      return;
    }
    this.isOver = true;
    this.sayProgress();
    sendEnd(this, { ...how, output: this.output });
  }
}

/**
 * Runs `work` as a step. It is told of before it begins, gives signs of life by
 * itself, also while the work keeps the processor busy, and ends as the work does:
 * SUCCESS; FAILED, with a reason, where it throws; CANCELLED where it throws an
 * AbortError. Steps within it are its steps.
 *
 * The result, or what was thrown, is the work's own. The work neither waits for the
 * collector nor fails because of it.
 */
export async function withSpan<T>(options: StepOptions, work: (span: Span) => T | Promise<T>): Promise<T> {
  const { span, context } = begin(options);
  enter(span);
  try {
    const result = await within(context, () => withOtelSpan(span, () => work(span)));
    span.end({});
    return result;
  } catch (error) {
    // `throw undefined` is a failure too.
    span.end(endedByProcess() ?? { error: error ?? new Error(`${String(error)} was thrown`) });
    throw error;
  } finally {
    leave(span);
  }
}

function begin(options: StepOptions) {
  const identity = place(options);
  const start = startOf(options, identity);
  // Three signs of life within the time after which it counts as stuck.
  const intervalMs = Math.min(heartbeatMs(), (options.stuckAfterMs ?? Infinity) / 3);
  const { run_id, span_id, task_id } = identity;
  sendStart(start, { run_id, span_id, intervalMs });
  const context = {
    run_id, span_id, task_id,
    agent: agentOf(options, identity),
    attempt: attemptOf(options, identity),
  };
  return { span: new Span(start), context };
}
