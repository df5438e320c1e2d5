/** An error for people: what went wrong, and what to do about it. */
export class Problem extends Error {
  constructor(
    readonly title: string,
    readonly todo: string,
    /** The HTTP status, where there was an answer. */
    readonly status?: number,
  ) {
    super(`${title} ${todo}`);
    this.name = "Problem";
  }
}

/** Anything that was thrown, as a Problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem("Something went wrong in the panel.", messageOf(thrown));
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
