// Changes of a run, told by its stream, put into what is known of its steps.
import type { Artifact, Progress, Span } from "../api/types";
import { instant } from "../format/time";
import { keyOf, type Step, toStep } from "./step";

/** A sign of life of a running step. */
export interface LifeSign {
  span_id: string;
  heartbeat_ts?: string | null;
  progress?: Progress | null;
}

/** What has changed since it was looked at last. */
export class Changes {
  readonly #spans = new Map<string, Step>();
  readonly #signs = new Map<string, LifeSign>();
  readonly #artifacts = new Map<string, Artifact>();
  /** The step that was heard of last; `null` where that was not told. */
  lastAliveKey: string | null = null;

  get isEmpty(): boolean {
    return this.#spans.size + this.#signs.size + this.#artifacts.size === 0 && this.lastAliveKey === null;
  }

  span(span: Span): void {
    const step = toStep(span);
    this.#spans.set(step.key, step);
    // It is told whole: what was said of it before is in it.
    this.#signs.delete(step.key);
  }

  lifeSign(sign: LifeSign): void {
    this.#signs.set(keyOf(sign.span_id), sign);
  }

  artifact(artifact: Artifact): void {
    this.#artifacts.set(artifact.artifact_id, artifact);
  }

  /** The steps with the changes in them. Steps that have not changed stay the same objects. */
  applyTo(steps: readonly Step[]): Step[] {
    const known = new Set<string>();
    const lastAlive = this.lastAliveKey;
    const merged = steps.map((step) => {
      known.add(step.key);
      let next = this.#signed(this.#spans.get(step.key) ?? step);
      const isLastAlive = lastAlive === null ? step.isLastAlive : step.key === lastAlive;
      if (next.isLastAlive !== isLastAlive) next = { ...next, isLastAlive };
      return next;
    });
    for (const step of this.#spans.values()) {
      if (!known.has(step.key)) merged.push({ ...this.#signed(step), isLastAlive: step.key === lastAlive });
    }
    return this.#withArtifacts(merged);
  }

  #signed(step: Step): Step {
    const sign = this.#signs.get(step.key);
    // A late sign of life never revives a step.
    if (!sign || step.status !== "RUNNING") return step;
    return {
      ...step,
      heard: instant(sign.heartbeat_ts) ?? step.heard,
      progress: sign.progress
        ? { current: sign.progress.current, total: sign.progress.total ?? null, note: sign.progress.note }
        : step.progress,
    };
  }

  #withArtifacts(steps: Step[]): Step[] {
    if (this.#artifacts.size === 0) return steps;
    const bySpan = new Map<string, Artifact[]>();
    for (const artifact of this.#artifacts.values()) {
      const key = keyOf(artifact.span_id);
      bySpan.set(key, [...(bySpan.get(key) ?? []), artifact]);
    }
    return steps.map((step) => {
      const added = bySpan.get(step.key)?.filter((one) => !step.artifacts.some((old) => old.artifact_id === one.artifact_id)) ?? [];
      return added.length === 0 ? step : { ...step, artifacts: [...step.artifacts, ...added] };
    });
  }
}
