/** Keeps the answer for one issue up to date: the first load, polling while something is under way. */

import { Addresses } from "./addresses";
import { isVideoPreparing, type Similar } from "./answer";
import { asProblem, type Problem } from "./problem";

export const POLL_MS = 2000;

/** Polls without progress after which the panel stops and says so: two minutes. */
export const QUIET_POLLS = 60;

/** Polls for a preview that is being generated. */
export const VIDEO_POLLS = 60;

/** Failures in a row after which polling still goes on. */
const HICCUPS = 2;

/** After "Search again" it takes some polls before the state changes. */
const POLLS_AFTER_AGAIN = 5;

/** A second media error within this time is not about an expired address. */
const MEDIA_REFRESH_MS = 60_000;

export type Feed =
  | { phase: "loading" }
  | { phase: "failed"; problem: Problem }
  | { phase: "ready"; answer: Similar; /** Polling stopped: there was no progress. */ stalled: boolean };

export class SimilarFeed {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private quiet = 0;
  private hiccups = 0;
  private videoPolls = 0;
  private playerOpen = false;
  private afterAgain = 0;
  private mediaRefreshed = -Infinity;
  private asking = 0;
  private answer: Similar | null = null;
  private readonly addresses = new Addresses();

  constructor(
    private readonly ask: () => Promise<Similar>,
    private readonly show: (feed: Feed) => void,
  ) {}

  async start(): Promise<void> {
    this.quiet = this.hiccups = 0;
    if (!this.answer) this.show({ phase: "loading" });
    await this.refresh();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Fetches the answer now, and keeps polling where needed. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const turn = ++this.asking;
    try {
      const answer = await this.ask();
      if (this.stopped || turn !== this.asking) return;
      this.take(answer);
    } catch (thrown) {
      if (this.stopped || turn !== this.asking) return;
      this.fail(asProblem(thrown));
    }
  }

  /** The service has saved it: show it at once, without a request. */
  setMuted(muted: boolean): void {
    if (!this.answer) return;
    this.answer = { ...this.answer, muted };
    this.show({ phase: "ready", answer: this.answer, stalled: false });
  }

  /** While a player is open, poll for previews that are being generated. */
  setPlayerOpen(open: boolean): void {
    this.playerOpen = open;
    this.videoPolls = 0;
    if (open && this.answer && isVideoPreparing(this.answer)) void this.refresh();
  }

  /** After "Search again": poll until a worker picks up the issue. */
  async expectChange(): Promise<void> {
    this.afterAgain = POLLS_AFTER_AGAIN;
    this.quiet = 0;
    await this.refresh();
  }

  /**
   * An image or a video failed to load. Its address may have expired: fetch new ones, once.
   *
   * @returns whether new addresses are being fetched
   */
  mediaFailed(now = Date.now()): boolean {
    if (now - this.mediaRefreshed < MEDIA_REFRESH_MS) return false;
    this.mediaRefreshed = now;
    this.addresses.forget();
    void this.refresh();
    return true;
  }

  private take(fresh: Similar): void {
    const moved = !this.answer || progressOf(this.answer) !== progressOf(fresh);
    this.quiet = moved ? 0 : this.quiet + 1;
    this.hiccups = 0;
    this.answer = this.addresses.settle(fresh, Date.now());
    const unfinished = fresh.state === "indexing" || fresh.state === "unknown";
    const stalled = unfinished && this.quiet >= QUIET_POLLS;
    this.show({ phase: "ready", answer: this.answer, stalled });
    if (!stalled && this.isUnderWay(fresh, unfinished)) this.pollLater();
  }

  private isUnderWay(fresh: Similar, unfinished: boolean): boolean {
    if (fresh.muted || fresh.state === "off") return false;
    if (unfinished) return true;
    if (this.afterAgain > 0) {
      this.afterAgain -= 1;
      return true;
    }
    if (this.playerOpen && isVideoPreparing(fresh) && this.videoPolls < VIDEO_POLLS) {
      this.videoPolls += 1;
      return true;
    }
    return false;
  }

  private fail(problem: Problem): void {
    this.hiccups += 1;
    const complete = this.answer?.state === "ready";
    if (complete) return; // what is shown is still right; the next click tries again
    if (this.answer && this.hiccups <= HICCUPS) this.pollLater();
    else {
      this.answer = null;
      this.show({ phase: "failed", problem });
    }
  }

  private pollLater(): void {
    this.timer = setTimeout(() => {
      // The tab is hidden: wait without polling.
      if (document.visibilityState === "hidden") this.pollLater();
      else void this.refresh();
    }, POLL_MS);
  }
}

function progressOf({ state, progress }: Similar): string {
  return `${state} ${progress.done}/${progress.total}`;
}
