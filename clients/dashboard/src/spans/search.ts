// Finds steps by what a person types.
import type { Step } from "./step";

/** The keys of the steps in which every word of `text` occurs; `undefined` where there are no words. */
export function findSteps(steps: readonly Step[], text: string): Set<string> | undefined {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return undefined;
  const found = new Set<string>();
  for (const step of steps) {
    const about = [
      step.name, step.layer, step.host, step.agent, step.status, step.reasonCode,
      step.status === "FAILED" ? step.reasonKind : "", step.error?.type ?? "", step.error?.message ?? "", step.id,
    ].join("\n").toLowerCase();
    if (words.every((word) => about.includes(word))) found.add(step.key);
  }
  return found;
}
