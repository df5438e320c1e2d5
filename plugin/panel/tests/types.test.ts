/** The types of answers are made from the schema that the service's models have. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compile } from "json-schema-to-typescript";
import { expect, it, vi } from "vitest";

const SCHEMA = resolve("panel/answer.schema.json");
const BANNER = "/* Made by `make panel-types` from the service's models. Do not edit. */";

// `npm run types` writes them.
it("types of answers are those of the service's models", async () => {
  vi.useRealTimers();
  const schema = JSON.parse(readFileSync(SCHEMA, "utf-8"));
  const types = await compile(schema, "Exchanged", {
    additionalProperties: false,
    bannerComment: BANNER,
    style: { printWidth: 100 },
  });
  await expect(types).toMatchFileSnapshot("../src/answer.generated.ts");
});
