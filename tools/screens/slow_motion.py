"""Records a player frame by frame: its clock waits for each picture to be taken.

A screenshot takes longer than a frame is shown. So the page's clock is stopped and moved by hand,
and the clips with it. The film shows what plays: the same player, the same frames, in sync.
"""

from __future__ import annotations

from playwright.sync_api import Frame

SCRIPT = """
(() => {
  const now = performance.now.bind(performance);
  const soon = window.requestAnimationFrame.bind(window);
  const play = HTMLMediaElement.prototype.play;
  const cancel = window.cancelAnimationFrame.bind(window);
  let virtual = null, waiting = new Map(), last = 0, begun = 0, starts = new Map();
  const run = () => {
    const due = [...waiting];
    for (const [id, callback] of due) {
      if (waiting.delete(id)) callback(virtual); // unless one before it has cancelled it
    }
  };
  const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const still = (video) => new Promise((done) => {
    if (!video.seeking) return done();
    video.addEventListener("seeked", done, { once: true });
    setTimeout(done, 1000);
  });
  performance.now = () => virtual ?? now();
  window.requestAnimationFrame = (callback) => {
    if (virtual === null) return soon(callback);
    waiting.set(--last, callback);
    return last;
  };
  window.cancelAnimationFrame = (id) => (id < 0 ? waiting.delete(id) : cancel(id));
  window.__slowMotion = {
    begin() {
      virtual = begun = now();
      HTMLMediaElement.prototype.play = async function () {};
    },
    async ready() {
      for (let tries = 0; tries < 200; tries++) {
        run();
        const videos = [...document.querySelectorAll("video")];
        const loaded = videos.every((video) => video.readyState >= 3 && !video.seeking);
        if (videos.length > 1 && loaded) break;
        await rest(50);
      }
      for (const video of document.querySelectorAll("video")) starts.set(video, video.currentTime);
      begun = virtual;
    },
    async tick(milliseconds) {
      virtual += milliseconds;
      run();
      await rest(15);
      run();
      const passed = (virtual - begun) / 1000;
      for (const [video, start] of starts) {
        video.currentTime = Math.min(start + passed, video.duration - 0.02);
      }
      await Promise.all([...starts.keys()].map(still));
      await rest(15);
      run();  // the player sees that its clips wait no more
      await rest(15);
    },
    end() {
      virtual = null;
      HTMLMediaElement.prototype.play = play;
      for (const callback of waiting.values()) soon(callback);
      waiting.clear();
    },
  };
})();
"""


class SlowMotion:
    """The clock of one frame of a page, which has SCRIPT as an init script."""

    SCRIPT = SCRIPT

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def begin(self) -> None:
        """Stop the clock."""
        self._frame.evaluate("window.__slowMotion.begin()")

    def wait_for_clips(self) -> None:
        """Wait until two clips are loaded and show their moment."""
        self._frame.evaluate("window.__slowMotion.ready()")

    def tick(self, milliseconds: int) -> None:
        """Move the clock, and the clips with it; at most 100, or players take it for a sleep."""
        self._frame.evaluate(f"window.__slowMotion.tick({milliseconds})")

    def end(self) -> None:
        """Let the clock run again."""
        self._frame.evaluate("window.__slowMotion.end()")
