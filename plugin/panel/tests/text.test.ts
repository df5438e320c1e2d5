import { expect, it } from "vitest";

import { addressBeside, clock, clockTenths, count, scoreText, span, webAddress } from "../src/text";

it.each([
  [0, "0:00"],
  [67.4, "1:07"],
  [59.999, "0:59"],
  [3600, "1:00:00"],
  [-1, "0:00"],
])("writes %d seconds as %s", (seconds, text) => expect(clock(seconds)).toBe(text));

it.each([
  [67.44, "1:07.4"],
  [59.96, "1:00.0"],
  [0, "0:00.0"],
])("writes %d seconds to the tenth as %s", (seconds, text) => expect(clockTenths(seconds)).toBe(text));

it("writes a stretch of time with an en dash, an instant alone", () => {
  expect(span([67, 70.4])).toBe("1:07–1:10");
  expect(span([2, 2.4])).toBe("0:02");
});

it("counts", () => {
  expect([count(1, "clip"), count(2, "clip")]).toEqual(["1 clip", "2 clips"]);
  expect(count(2, "match", "matches")).toBe("2 matches");
});

it.each([
  [1, "1.00"],
  [0.9999, "0.99"],
  [0.949, "0.94"],
  [0.29, "0.29"],
  [0, "0.00"],
])("writes the score %d as %s", (score, text) => expect(scoreText(score)).toBe(text));

it.each(["https://a.test/x", "HTTP://a.test"])("takes %s for an address of the web", (address) =>
  expect(webAddress(address)).toBe(address),
);

it.each(["javascript:alert(1)", " https://a.test", "//a.test", "ftp://a.test", "https://", "", null, undefined])(
  "does not take %s for an address of the web",
  (address) => expect(webAddress(address)).toBeNull(),
);

it("finds the address of an issue beside another one", () => {
  expect(addressBeside("https://a.test/browse/GAME-3", "GAME-3", "GAME-9")).toBe("https://a.test/browse/GAME-9");
  expect(addressBeside("https://a.test/x?GAME-3", "GAME-3", "GAME-9")).toBeNull();
  expect(addressBeside("javascript:/browse/GAME-3", "GAME-3", "GAME-9")).toBeNull();
});
