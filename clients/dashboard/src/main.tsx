// Where the page begins.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "./app/query_client";
import { router } from "./app/router";
import { LanguageProvider } from "./i18n/language";
import { WatcherProvider } from "./live/watcher";
import "./styles.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <LanguageProvider>
          <WatcherProvider>
            <RouterProvider router={router} />
          </WatcherProvider>
        </LanguageProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
