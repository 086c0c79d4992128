// Which address is which page. The server sends the page for these and no others
// (src/dashboard.rs).
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { runSummary, timeline } from "../api/queries";
import { parseSearch, readRunFilter, stringifySearch } from "../filters/runs";
import { Overview } from "../pages/overview/overview";
import { queries } from "./query_client";
import { failuresSearch, overviewSearch, runSearch } from "./search";
import { Crash, NotFound, Shell } from "./shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const overview = createRoute({ getParentRoute: () => root, path: "/", validateSearch: overviewSearch, component: Overview });

const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: readRunFilter,
  component: lazyRouteComponent(() => import("../pages/runs/runs"), "Runs"),
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: runSearch,
  // Asked for while the page's own script is still on its way; not for a link that one
  // only points at, since a run may be large.
  loader: ({ params, cause }) => {
    if (cause === "preload") return;
    for (const part of [queries.query(runSummary(params.runId)), queries.query(timeline(params.runId))]) {
      // The page asks again, and says so.
      part.catch(() => undefined);
    }
  },
  component: lazyRouteComponent(() => import("../pages/run/run"), "Run"),
});

const failures = createRoute({
  getParentRoute: () => root,
  path: "/failures",
  validateSearch: failuresSearch,
  component: lazyRouteComponent(() => import("../pages/failures/failures"), "Failures"),
});

const hosts = createRoute({
  getParentRoute: () => root,
  path: "/hosts",
  validateSearch: overviewSearch,
  component: lazyRouteComponent(() => import("../pages/hosts/hosts"), "Hosts"),
});

export const router = createRouter({
  routeTree: root.addChildren([overview, runs, run, failures, hosts]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: Crash,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
