/** Signing out, on every page. */

import { post } from "./api.js";

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await post("/sign-out");
  location.assign("/sign-in");
});
