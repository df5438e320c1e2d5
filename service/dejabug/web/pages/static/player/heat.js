/** Heat maps: numbers of patches → colours of pixels, without a screen. */

/** @typedef {"matching" | "unusual"} Layer which of the two maps of a frame */
/** @typedef {"off" | Layer} Kind */

/**
 * Both maps of a frame: rows of numbers from 0 to 1 from the top left. `reason` says why `unusual` is
 * null.
 *
 * @typedef {{width: number, height: number, matching: number[][], unusual: number[][] | null, reason: string | null}} HeatMap
 */

/** Viridis (van der Walt and Smith, Matplotlib 2.0), which reads alike with every kind of colour vision. */
const VIRIDIS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];

/** How much of the frame the colours cover, at 0 and at 1. */
const [LEAST_COVER, MOST_COVER] = [0.35, 0.75];

/** Pixels in a row; the browser scales it to the size of the clip. */
const WIDTH = 160;

/**
 * The grid's value at a place, 0 to 1 from its top left, between the middles of the patches.
 *
 * @param {number[][]} grid
 * @param {number} x
 * @param {number} y
 */
export function valueAt(grid, x, y) {
  const [top, bottom, down] = between(y, grid.length);
  const [left, right, along] = between(x, grid[0]?.length ?? 0);
  /** @param {number[] | undefined} row */
  const mix = (row) => (row?.[left] ?? 0) * (1 - along) + (row?.[right] ?? 0) * along;
  return mix(grid[top]) * (1 - down) + mix(grid[bottom]) * down;
}

/**
 * @param {number} place
 * @param {number} count
 * @returns {[first: number, second: number, share: number]}
 */
function between(place, count) {
  const at = Math.min(Math.max(place * count - 0.5, 0), count - 1);
  const first = Math.floor(at);
  const share = at - first;
  return [first, Math.min(first + 1, count - 1), share * share * (3 - 2 * share)];
}

/**
 * A value's colour, with how much it covers (0 to 1).
 *
 * @param {number} value
 * @returns {[red: number, green: number, blue: number, cover: number]}
 */
export function colourOf(value) {
  const within = Math.min(Math.max(value, 0), 1);
  const at = within * (VIRIDIS.length - 1);
  const first = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const [low = [], high = []] = VIRIDIS.slice(first, first + 2);
  /** @param {0 | 1 | 2} index */
  const mix = (index) => Math.round((low[index] ?? 0) + ((high[index] ?? 0) - (low[index] ?? 0)) * (at - first));
  return [mix(0), mix(1), mix(2), LEAST_COVER + (MOST_COVER - LEAST_COVER) * within];
}

/**
 * The size of a map's canvas in pixels, in the proportions of the frame.
 *
 * @param {{width: number, height: number}} map
 * @returns {[width: number, height: number]}
 */
export function sizeOf({ width, height }) {
  return [WIDTH, Math.max(1, Math.round((WIDTH * height) / width))];
}

/**
 * The canvas's pixels, four bytes each.
 *
 * @param {number[][]} grid
 * @param {number} width
 * @param {number} height
 */
export function pixelsOf(grid, width, height) {
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

/**
 * Where a map is strongest, for people who can't see it: "strongest at the upper left".
 *
 * @param {number[][]} grid
 */
export function inWords(grid) {
  let [best, row, column] = [FAINT, -1, -1];
  grid.forEach((values, y) =>
    values.forEach((value, x) => {
      if (value > best) [best, row, column] = [value, y, x];
    }),
  );
  if (row < 0) return "nothing stands out";
  /** @type {(at: number, count: number) => number} */
  const third = (at, count) => Math.floor((3 * (at + 0.5)) / count);
  const down = ["upper", "", "lower"][third(row, grid.length)];
  const along = ["left", "", "right"][third(column, grid[0]?.length ?? 1)];
  if (!down && !along) return "strongest in the middle";
  if (!along) return `strongest in the ${down} middle`;
  return `strongest at the ${[down, along].filter(Boolean).join(" ")}`;
}
