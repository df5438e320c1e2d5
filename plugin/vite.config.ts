import { defineConfig } from "vitest/config";

export default defineConfig({
  root: "panel",
  base: "./", // Forge serves the panel from a path that nobody knows beforehand
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // Forge's content security policy knows no data: addresses
    modulePreload: false, // one script: nothing to preload
  },
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // How long something takes on a busy machine is no matter of tests.
    testTimeout: 60_000,
  },
});
