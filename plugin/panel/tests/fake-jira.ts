/** What @forge/bridge meets in Jira: the commands of its callBridge, with answers a test may set. */

import type { Similar } from "../src/answer";
import { aSimilar, someHeatMaps } from "./samples";

interface RemoteRequest {
  path: string;
  method: string;
  body?: unknown;
}

type Reply = { status: number; body?: unknown } | Error;

class FakeJira {
  /** What happened, in order: "GET /forge/…", "link", "open https://…". */
  log: string[] = [];
  bodies: unknown[] = [];
  similar: Similar | Error = aSimilar();
  /** How long making a link takes, in milliseconds. */
  linkTakes = 0;
  replies: { verdicts: Reply; mute: Reply; again: Reply; link: Reply; similar: Reply | null; "heat-maps": Reply };

  constructor() {
    this.replies = this.usual();
  }

  reset(): void {
    this.log = [];
    this.bodies = [];
    this.similar = aSimilar();
    this.linkTakes = 0;
    this.replies = this.usual();
  }

  count(entry: string): number {
    return this.log.filter((each) => each === entry).length;
  }

  async answer(name: string, payload: unknown): Promise<unknown> {
    switch (name) {
      case "getContext":
        return { extension: { issue: { id: "10001", key: "GAME-7" } }, theme: { colorMode: "light" } };
      case "enableTheming":
        return undefined;
      case "navigate":
        this.log.push(`open ${(payload as { url: string }).url}`);
        return undefined;
      case "invoke":
        return this.remote(payload as RemoteRequest);
      case "fetchProduct":
        return this.product(payload as { fetchRequestInit: { body: string } });
      default:
        throw new Error(`unexpected command ${name}`);
    }
  }

  private remote({ path, method, body }: RemoteRequest): unknown {
    this.log.push(`${method} ${path}`);
    if (body !== undefined) this.bodies.push(body);
    const what = path.split("/").at(-1) as keyof FakeJira["replies"];
    const reply = what === "similar" ? this.similarReply() : this.replies[what];
    if (!reply) throw new Error(`unexpected path ${path}`);
    if (reply instanceof Error) throw reply;
    const answer = { ...reply, headers: { "content-type": ["application/json"] } };
    return reply.status < 300 ? { success: true, payload: answer } : { success: false, error: answer };
  }

  private similarReply(): Reply {
    if (this.replies.similar) return this.replies.similar;
    if (this.similar instanceof Error) return this.similar;
    return { status: 200, body: structuredClone(this.similar) };
  }

  private async product({ fetchRequestInit }: { fetchRequestInit: { body: string } }): Promise<unknown> {
    this.log.push("link");
    if (this.linkTakes) await new Promise((done) => setTimeout(done, this.linkTakes));
    this.bodies.push(JSON.parse(fetchRequestInit.body));
    const reply = this.replies.link;
    if (reply instanceof Error) throw reply;
    return {
      status: reply.status,
      statusText: "",
      headers: {},
      body: reply.body === undefined ? "" : JSON.stringify(reply.body),
    };
  }

  private usual(): FakeJira["replies"] {
    return {
      verdicts: { status: 200, body: { saved: true } },
      mute: { status: 200, body: { muted: true } },
      again: { status: 202, body: { queued: true } },
      link: { status: 201 },
      similar: null,
      "heat-maps": { status: 200, body: someHeatMaps() },
    };
  }
}

export const jira = new FakeJira();
