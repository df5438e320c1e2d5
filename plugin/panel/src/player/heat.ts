/** Heat maps: numbers of patches → colours of pixels, without a screen. */

import type { HeatMap } from "../answer";

export type Kind = "off" | "matching" | "unusual";
type Colour = [red: number, green: number, blue: number];

/** Viridis (van der Walt and Smith, Matplotlib 2.0), which people see alike whatever colours they see. */
const VIRIDIS: Colour[] = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];

/** How much of the picture the colours cover, where nothing and where all is shown. */
const COVER = [0.35, 0.75] as const;

/** Pixels in a row; the browser makes it as large as the clip. */
const WIDTH = 160;

/** The grid's value at a place, 0 to 1 from its top left, between the patches' middles. */
export function valueAt(grid: number[][], x: number, y: number): number {
  const columns = grid[0]?.length ?? 0;
  const [top, bottom, down] = between(y, grid.length);
  const [left, right, along] = between(x, columns);
  const mix = (row: number[] | undefined) => (row?.[left] ?? 0) * (1 - along) + (row?.[right] ?? 0) * along;
  return mix(grid[top]) * (1 - down) + mix(grid[bottom]) * down;
}

function between(place: number, count: number): [first: number, second: number, share: number] {
  const at = Math.min(Math.max(place * count - 0.5, 0), count - 1);
  const first = Math.floor(at);
  const share = at - first;
  return [first, Math.min(first + 1, count - 1), share * share * (3 - 2 * share)];
}

/** A value's colour, with how much it covers (0 to 1). */
export function colourOf(value: number): [...Colour, cover: number] {
  const at = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
  const first = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [low, high] = [VIRIDIS[first] as Colour, VIRIDIS[first + 1] as Colour];
  const mix = (index: 0 | 1 | 2) => Math.round(low[index] + (high[index] - low[index]) * (at - first));
  return [mix(0), mix(1), mix(2), COVER[0] + (COVER[1] - COVER[0]) * Math.min(Math.max(value, 0), 1)];
}

/** The size of a map's canvas in pixels: its proportions are those of the picture. */
export function sizeOf({ width, height }: HeatMap): [width: number, height: number] {
  return [WIDTH, Math.max(1, Math.round((WIDTH * height) / width))];
}

/** The canvas's pixels, four bytes each. */
export function pixelsOf(grid: number[][], width: number, height: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue, cover] = colourOf(valueAt(grid, (x + 0.5) / width, (y + 0.5) / height));
      pixels.set([red, green, blue, 255 * cover], 4 * (y * width + x));
    }
  }
  return pixels;
}

/** Below this nothing is worth naming. */
const FAINT = 0.2;

/** Where a map is strongest, for who does not see it: "strongest at the upper left". */
export function inWords(grid: number[][]): string {
  let [best, row, column] = [FAINT, -1, -1];
  grid.forEach((values, y) =>
    values.forEach((value, x) => {
      if (value > best) [best, row, column] = [value, y, x];
    }),
  );
  if (row < 0) return "nothing stands out";
  const third = (at: number, count: number) => Math.floor((3 * (at + 0.5)) / count);
  const down = ["upper", "", "lower"][third(row, grid.length)];
  const along = ["left", "", "right"][third(column, grid[0]?.length ?? 1)];
  if (!down && !along) return "strongest in the middle";
  if (!along) return `strongest in the ${down} middle`;
  return `strongest at the ${[down, along].filter(Boolean).join(" ")}`;
}
