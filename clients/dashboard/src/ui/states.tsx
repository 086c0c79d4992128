// What a part of a page shows while it has nothing to show: it loads, it is empty, or
// it could not be had.
import type { ReactNode } from "react";
import { ApiProblem } from "../api/client";
import { useTexts } from "../i18n/language";
import { visible } from "../format/visible";

export function Loading({ rows = 3 }: { rows?: number }) {
  const texts = useTexts();
  return (
    <div role="status" data-loading aria-label={texts.common.loading} className="flex flex-col gap-2.5 p-4">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="breathing h-3.5 rounded bg-raised" style={{ width: `${92 - ((row * 23) % 50)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="px-4 py-8 text-center text-ink-3">{children}</div>;
}

/** In the server's own words where it answered; else that it did not. */
export function Failed({ problem, onRetry }: { problem: unknown; onRetry?: () => void }) {
  const texts = useTexts();
  const said = problem instanceof ApiProblem ? problem.message : texts.live.bannerNever;
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-4 py-8 text-center">
      <p className="font-medium">{texts.common.cannotLoad}</p>
      <p className="user-text max-w-prose text-ink-2">{visible(said)}</p>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          {texts.common.tryAgain}
        </button>
      )}
    </div>
  );
}

interface Asked<Data> {
  data: Data | undefined;
  error: Error | null;
  refetch: () => unknown;
}

/** Shows what was answered, and otherwise one of the above. What is old stays while asking again fails. */
export function Answered<Data>({ of, rows, children }: { of: Asked<Data>; rows?: number; children: (data: Data) => ReactNode }) {
  if (of.data !== undefined) return children(of.data);
  if (of.error) return <Failed problem={of.error} onRetry={() => void of.refetch()} />;
  return <Loading {...(rows === undefined ? {} : { rows })} />;
}
