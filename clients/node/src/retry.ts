// Trying again: the next attempt of a task is a run of its own that names the run it
// retries; within a run, the next attempt of a step is a step of the same run.
import { setTimeout as sleep } from "node:timers/promises";

import { classifyError } from "./classify/error.js";
import type { ReasonKind } from "./classify/rule.js";
import { currentStep } from "./context.js";
import { newRunId } from "./ids.js";
import { type Span, withSpan } from "./span.js";
import type { StepOptions } from "./step.js";

/** When to try again. */
export interface RetryOptions {
  /** How many attempts in all; 3. */
  maxAttempts?: number;
  /** Kinds of failure that are worth one; TRANSIENT alone. */
  kinds?: readonly ReasonKind[];
  /** The pause before the second attempt, in milliseconds; each later one is twice as long. 1 s. */
  pauseMs?: number;
}

/** The options of the run that retries `previous`: the next attempt, as a run of its own. */
export function nextAttempt(
  previous: { run_id: string; attempt?: number },
  options: StepOptions,
): StepOptions & { run_id: string; retry_of: string; attempt: number } {
  const { parent_span_id: _, traceparent: __, ...rest } = options;
  return {
    ...rest,
    run_id: newRunId(),
    retry_of: previous.run_id,
    attempt: (previous.attempt ?? 1) + 1,
  };
}

/**
 * Runs `work` as withSpan does, again where it failed for a reason that may pass.
 * The last attempt's result, or what it threw, is the caller's.
 */
export async function withRetry<T>(
  options: StepOptions,
  retry: RetryOptions,
  work: (span: Span) => T | Promise<T>,
): Promise<T> {
  const { maxAttempts = 3, kinds = ["TRANSIENT"], pauseMs = 1_000 } = retry;
  const isStep = currentStep() !== undefined;
  let next = options;
  for (let tried = 1; ; tried += 1) {
    let span: Span | undefined;
    try {
      return await withSpan(next, (current) => {
        span = current;
        return work(current);
      });
    } catch (error) {
      const { reason_kind, cancelled } = classifyError(error);
      if (!span || cancelled || tried >= maxAttempts || !kinds.includes(reason_kind)) {
        throw error;
      }
      next = isStep ? { ...next, attempt: span.attempt + 1 } : nextAttempt(span, next);
      if (span.task_id !== undefined) {
        next.task_id = span.task_id;
      }
      await sleep(pauseMs * 2 ** (tried - 1));
    }
  }
}
