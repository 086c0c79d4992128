// The button that retries all that failed for a TRANSIENT reason: only where the server
// has the call, which its OpenAPI document says.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiProblem } from "../../api/client";
import { findRetry, type RetryCall } from "../../api/retry";
import { type WindowName, WINDOWS } from "../../filters/runs";
import { useTexts } from "../../i18n/language";
import { RetryIcon } from "../../ui/icons";

async function document(signal: AbortSignal): Promise<RetryCall | null> {
  const answer = await fetch("/api/openapi.json", { signal });
  return answer.ok ? findRetry(await answer.json()) : null;
}

export function RetryTransient({ window }: { window: WindowName }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const call = useQuery({ queryKey: ["openapi", "retry"], queryFn: ({ signal }) => document(signal), staleTime: Number.POSITIVE_INFINITY, gcTime: Number.POSITIVE_INFINITY });
  const retry = useMutation({
    mutationFn: async (found: RetryCall) => {
      const body: Record<string, string> = { reason_kind: "TRANSIENT" };
      if (found.hasWindow) body["window"] = `${WINDOWS[window]}s`;
      const answer = await fetch(found.path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      const said = (await answer.json().catch(() => null)) as { message?: string; retries?: unknown[] } | null;
      if (!answer.ok) throw new ApiProblem(answer.status, said?.message ?? answer.statusText);
      return Array.isArray(said?.retries) ? said.retries.length : null;
    },
    onSuccess: () => queries.invalidateQueries(),
  });
  if (!call.data) return null;
  const found = call.data;
  return (
    <div className="mt-2 flex flex-wrap items-center gap-2">
      <button type="button" className="button" disabled={retry.isPending} onClick={() => retry.mutate(found)}>
        <RetryIcon />
        {retry.isPending ? texts.overview.retrying : texts.overview.retryAll}
      </button>
      {retry.isSuccess && retry.data !== null && (
        <span role="status" className="text-xs text-ink-2">
          {texts.overview.retried(retry.data)}
        </span>
      )}
      {retry.error && (
        <span role="alert" className="text-xs text-failed-ink">
          {retry.error.message}
        </span>
      )}
    </div>
  );
}
