// What runs, what is stuck and where, what fails and why: in five seconds.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { stuckRuns } from "../../api/queries";
import { useTitle } from "../../app/shell";
import { useTexts } from "../../i18n/language";
import { Soon } from "../../live/soon";
import { useWatch } from "../../live/watcher";
import { Answered } from "../../ui/states";
import { FailureCards } from "./failure_cards";
import { RecentRuns } from "./recent_runs";
import { RunningRuns } from "./running_runs";
import { StuckAlert } from "./stuck_alert";

/** A busy fleet tells of changes all the time: one look a second shows them all. */
const LOOK_MS = 1_000;

export function Overview() {
  const texts = useTexts();
  const stuck = useQuery(stuckRuns);
  const count = stuck.data?.runs.length ?? 0;
  useTitle(count > 0 ? `(${count}) ${texts.overview.title}` : texts.overview.title);

  const queries = useQueryClient();
  const soon = useMemo(() => new Soon(() => void queries.invalidateQueries(), LOOK_MS), [queries]);
  useEffect(() => () => soon.stop(), [soon]);
  useWatch("/api/v1/watch", (event) => {
    if (event.type !== "keep_alive") soon.ask();
  });

  return (
    <div className="flex flex-col gap-5">
      <h1 className="sr-only">{texts.overview.title}</h1>
      <Answered of={stuck} rows={2}>
        {(answer) => <StuckAlert runs={answer.runs} />}
      </Answered>
      <FailureCards />
      <RunningRuns />
      <RecentRuns />
    </div>
  );
}
