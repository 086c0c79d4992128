// How the page is built, and served while it is worked on (`npm run dev` beside a
// `livespan serve`).
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env["LIVESPAN_HTTP_URL"] ?? "http://127.0.0.1:5221";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
  build: {
    target: "es2023",
    // dist/README.md stays; scripts/compress.mjs takes away what is old.
    emptyOutDir: false,
    // Inlined files would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // Vite's own loader of modules is an inline script in older browsers only.
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
