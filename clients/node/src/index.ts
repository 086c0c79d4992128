// The livespan SDK for Node: steps of long work, seen while they run.
export { type ArtifactOptions, storeArtifact } from "./artifacts.js";
export type { Classification } from "./classify/classify.js";
export { classifyError } from "./classify/error.js";
export type { ReasonKind } from "./classify/rule.js";
export type { Options } from "./config.js";
export { currentStep, type Place, type StepContext } from "./context.js";
export type { SpanKey } from "./ids.js";
export {
  type ActiveRun, getActiveRuns, getLastAliveSpan, getRunTimeline, getStuckRuns, type LastAlive,
  type StuckRun, type TimelineSpan,
} from "./queries.js";
export { nextAttempt, type RetryOptions, withRetry } from "./retry.js";
export { sanitize } from "./sanitize.js";
export { Span, withSpan } from "./span.js";
export { type EndOptions, type StepOptions, traceStep } from "./step.js";
export type { ProgressReport } from "./transport/messages.js";
export { configure, droppedEvents, flush, LivespanError } from "./transport/reporter.js";
