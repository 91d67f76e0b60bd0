/** How long a queue that was full counts as full, ms: room is looked for before jobs are added to it. */
const FULL_MS = 5_000;

/** Which providers' queues refused a request lately, as far as this process knows. */
export class FullQueues {
  private readonly refusedAt = new Map<string, number>();

  note(provider: string): void {
    this.refusedAt.set(provider, performance.now());
  }

  /** Is a request for this provider likely to be taken? */
  hasRoom(provider: string): boolean {
    const at = this.refusedAt.get(provider);
    if (at === undefined) return true;
    if (performance.now() - at < FULL_MS) return false;
    this.refusedAt.delete(provider);
    return true;
  }
}
