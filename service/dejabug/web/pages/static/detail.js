/** Which clips a result is looked at with. */

import { momentOf } from "./card.js";
import { Compare } from "./compare.js";
import { byId, clockTime } from "./dom.js";
import { clipOf } from "./media.js";

let player = null;
/** Counts what was asked to be shown: an answer that comes after a later one, or after the view was
 * closed, must not open it. */
let latest = 0;
byId("compare").addEventListener("close", () => {
  latest += 1;
  player?.end();
  player = null;
});

/** Open the view of a result; `own` is the uploaded clip, if this browser has it, and `asked` what
 * the other clip is called. Throws ProblemError. */
export async function showDetail(result, own, asked) {
  const dialog = byId("compare");
  latest += 1;
  const mine = latest;
  const found = result.clip ? await clipOf(result.clip.id) : null;
  const other = own ?? (result.asked ? await clipOf(result.asked.id) : null);
  const here = result.moments[0]?.here_at;
  const sides = found ? [{ clip: found, at: momentOf(result).at, title: `${result.key} · ${found.filename}` }] : [];
  if (other && here !== null) sides.unshift({ clip: other, at: here ?? 0, title: asked });
  if (!sides.length || dialog.open || mine !== latest) return;
  const matched = other ? null : result.moments[0]?.here;
  const note = matched && `Your clip, which is not kept, matches from ${clockTime(matched[0])} to ${clockTime(matched[1])}.`;
  player = new Compare(dialog, result, sides, note);
  dialog.showModal();
  dialog.querySelector(".play").focus();
}

export function hideDetail() {
  latest += 1;
  if (byId("compare").open) byId("compare").close();
}
