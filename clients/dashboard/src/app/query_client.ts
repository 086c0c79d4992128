// What was asked and answered, for all pages.
import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "../api/client";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The server may be this machine: whether the machine is online says nothing.
      networkMode: "always",
      staleTime: 1_000,
      gcTime: 120_000,
      // Asking again is what polling does; a question that is wrong stays wrong.
      retry: (failures, problem) => failures < 1 && !(problem instanceof ApiProblem),
      retryDelay: 500,
      refetchOnWindowFocus: false,
    },
    mutations: { networkMode: "always" },
  },
});
