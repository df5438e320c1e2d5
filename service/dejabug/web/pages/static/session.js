/** The Sign out button of every page. */

import { post } from "./api.js";

document.getElementById("sign-out")?.addEventListener("click", async (event) => {
  try {
    await post("/sign-out");
    location.assign("/sign-in");
  } catch {
    event.target.textContent = "Sign-out failed. Try again";
  }
});
