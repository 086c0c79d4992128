// The tests in a real browser against a real collector: one file after the other, since
// a machine that also serves has no cores to spare.
import { defineConfig } from "vitest/config";

const measures = process.argv.some((argument) => argument.includes("measure"));

export default defineConfig({
  test: {
    include: measures ? ["browser/measure.test.ts"] : ["browser/**/*.test.ts"],
    exclude: measures ? [] : ["browser/measure.test.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // A page under load may draw a moment after it is asked. What is wrong is wrong three
    // times; a retry is named in the report.
    retry: 2,
    reporters: ["verbose"],
  },
});
