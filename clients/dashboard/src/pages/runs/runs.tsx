// All runs, filtered. The filter is the page's address.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo } from "react";
import { runList } from "../../api/queries";
import { useTitle } from "../../app/shell";
import type { RunFilter } from "../../filters/runs";
import { useTexts } from "../../i18n/language";
import { Soon } from "../../live/soon";
import { useWatch } from "../../live/watcher";
import { Answered, Empty } from "../../ui/states";
import { FilterBar } from "./filter_bar";
import { RunTable } from "./run_table";

export function Runs() {
  const texts = useTexts();
  useTitle(texts.runs.title);
  const filter = useSearch({ from: "/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const list = useInfiniteQuery(runList(filter));

  const queries = useQueryClient();
  const soon = useMemo(() => new Soon(() => void queries.invalidateQueries({ queryKey: ["runs", "list"] }), 2_000), [queries]);
  useEffect(() => () => soon.stop(), [soon]);
  useWatch("/api/v1/watch", (event) => {
    // What somebody has scrolled far into doesn't move under their eyes.
    if (event.type !== "keep_alive" && (list.data?.pages.length ?? 1) === 1) soon.ask();
  });

  const change = (changed: RunFilter) => void navigate({ search: changed, replace: true });
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-lg font-semibold">{texts.runs.title}</h1>
      <FilterBar filter={filter} onChange={change} />
      <div className={`panel overflow-hidden ${list.isPlaceholderData ? "opacity-60" : ""}`}>
        <Answered of={list} rows={8}>
          {({ pages }) => {
            const runs = pages.flatMap((page) => page.runs);
            return (
              <>
                {runs.length > 0 ? <RunTable runs={runs} /> : !list.hasNextPage && <Empty>{texts.runs.none}</Empty>}
                {list.hasNextPage && (
                  <button type="button" className="link w-full border-t border-line py-2.5 text-center" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                    {list.isFetchingNextPage ? texts.common.loading : texts.runs.loadMore}
                  </button>
                )}
              </>
            );
          }}
        </Answered>
      </div>
    </div>
  );
}
