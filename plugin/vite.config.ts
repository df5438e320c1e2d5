import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

/** The player of clips is the search page's: plain modules, which the service also serves as they are. */
const player = fileURLToPath(new URL("../service/dejabug/web/pages/static/player", import.meta.url));

export default defineConfig({
  root: "panel",
  resolve: { alias: { "@player": player } },
  base: "./", // Forge serves the panel from a path that is not known at build time
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // Forge's content security policy allows no data: addresses
    modulePreload: false, // one script: nothing to preload
  },
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // A busy machine must not fail a test.
    testTimeout: 60_000,
  },
});
