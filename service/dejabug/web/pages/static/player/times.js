/** Times and scores as text. */

/**
 * Seconds as a player shows them: 67.4 → "1:07".
 *
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/**
 * Seconds to the tenth: 67.44 → "1:07.4".
 *
 * @param {number} seconds
 */
export function clockTenths(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  return `${clock(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/**
 * A stretch of time: [67, 70.4] → "1:07–1:10", a single instant → "1:07".
 *
 * @param {readonly [number, number]} stretch seconds
 */
export function span([start, end]) {
  const [from, to] = [clock(start), clock(end)];
  return from === to ? from : `${from}–${to}`;
}

/**
 * A score with two decimals, rounded down as in comments: 0.949 is not 0.95 yet.
 *
 * @param {number} score
 */
export function scoreText(score) {
  return (Math.floor(100 * score + 1e-9) / 100).toFixed(2);
}
