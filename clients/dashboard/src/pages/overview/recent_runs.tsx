// The runs that started last.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { recentRuns } from "../../api/queries";
import { useTexts } from "../../i18n/language";
import { Answered, Empty } from "../../ui/states";
import { RunTable } from "../runs/run_table";

export function RecentRuns() {
  const texts = useTexts();
  const recent = useQuery(recentRuns);
  return (
    <section aria-labelledby="recent-title">
      <div className="mb-2 flex items-baseline justify-between">
        <h2 id="recent-title" className="heading">
          {texts.overview.recent}
        </h2>
        <Link to="/runs" className="link text-[13px]">
          {texts.overview.allRuns}
        </Link>
      </div>
      <div className="panel overflow-hidden">
        <Answered of={recent} rows={5}>
          {({ runs }) => (runs.length === 0 ? <FirstSteps /> : <RunTable runs={runs} />)}
        </Answered>
      </div>
    </section>
  );
}

/** For a newcomer's empty page: what to type. */
function FirstSteps() {
  const texts = useTexts();
  return (
    <Empty>
      <p className="mb-1 font-medium text-ink">{texts.overview.noRuns}</p>
      <p className="mb-3">{texts.overview.firstSteps}</p>
      <pre className="mx-auto inline-block max-w-full overflow-x-auto rounded-md bg-raised px-4 py-2.5 text-start font-mono text-xs leading-6 text-ink">
        {"livespan demo\nlivespan exec --task nightly --step backup -- sleep 20"}
      </pre>
    </Empty>
  );
}
