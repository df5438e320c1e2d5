/** Heat maps: numbers of patches → colours of pixels, without a screen (as the panel's player/heat.ts). */

/** Viridis (van der Walt and Smith, Matplotlib 2.0), which people see alike whatever colours they see. */
const VIRIDIS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
];
/** How much of the picture the colours cover, where nothing and where all is shown. */
const COVER = [0.35, 0.75];
/** Pixels in a row; the browser makes it as large as the clip. */
const WIDTH = 160;
/** Below this nothing is worth naming. */
const FAINT = 0.2;

/** The grid's value at a place, 0 to 1 from its top left, between the patches' middles. */
export function valueAt(grid, x, y) {
  const [top, bottom, down] = between(y, grid.length);
  const [left, right, along] = between(x, grid[0].length);
  const mix = (row) => row[left] * (1 - along) + row[right] * along;
  return mix(grid[top]) * (1 - down) + mix(grid[bottom]) * down;
}

function between(place, count) {
  const at = Math.min(Math.max(place * count - 0.5, 0), count - 1);
  const first = Math.floor(at);
  const share = at - first;
  return [first, Math.min(first + 1, count - 1), share * share * (3 - 2 * share)];
}

/** A value's colour, with how much it covers (0 to 1). */
export function colourOf(value) {
  const within = Math.min(Math.max(value, 0), 1);
  const at = within * (VIRIDIS.length - 1);
  const first = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mix = VIRIDIS[first].map((low, index) => Math.round(low + (VIRIDIS[first + 1][index] - low) * (at - first)));
  return [...mix, COVER[0] + (COVER[1] - COVER[0]) * within];
}

/** The size of a map's canvas in pixels: its proportions are those of the picture. */
export function sizeOf({ width, height }) {
  return [WIDTH, Math.max(1, Math.round((WIDTH * height) / width))];
}

/** The canvas's pixels, four bytes each. */
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

/** Where a map is strongest, for who does not see it: "strongest at the upper left". */
export function inWords(grid) {
  let [best, row, column] = [FAINT, -1, -1];
  grid.forEach((values, y) =>
    values.forEach((value, x) => {
      if (value > best) [best, row, column] = [value, y, x];
    }),
  );
  if (row < 0) return "nothing stands out";
  const third = (at, count) => Math.floor((3 * (at + 0.5)) / count);
  const down = ["upper", "", "lower"][third(row, grid.length)];
  const along = ["left", "", "right"][third(column, grid[0].length)];
  if (!down && !along) return "strongest in the middle";
  if (!along) return `strongest in the ${down} middle`;
  return `strongest at the ${[down, along].filter(Boolean).join(" ")}`;
}
