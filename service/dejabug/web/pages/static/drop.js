/** A clip that is chosen, dropped or pasted. */

import { byId } from "./dom.js";
import { isField } from "./keyboard.js";

/** Call `take` with each file that the user chooses, drops or pastes. */
export function onFile(take) {
  const chooser = byId("file");
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) take(chooser.files[0]);
    chooser.value = "";
  });
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    // Cells of a spreadsheet come as text and as an image: in a field, the text is wanted.
    const text = event.clipboardData?.types.includes("text/plain") && isField(event.target);
    if (!file || text) return;
    event.preventDefault();
    take(file);
  });
  let depth = 0;
  const shown = (change) => {
    depth = change === 0 ? 0 : depth + change;
    byId("drop").hidden = depth <= 0;
  };
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => carries(event) && shown(1));
  addEventListener("dragleave", (event) => carries(event) && shown(-1));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    shown(0);
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}
