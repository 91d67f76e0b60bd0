/** How many jobs a consumer may still take: `workerConcurrency`, and none once it is closed. */
export class Slots {
  private closed = false;
  private wake: (() => void) | undefined;

  constructor(private free: number) {}

  /** Resolves with true once a slot is taken, with false once they are closed. One caller at a time. */
  async take(): Promise<boolean> {
    while (!this.closed && this.free <= 0) await new Promise<void>((resolve) => (this.wake = resolve));
    if (this.closed) return false;
    this.free -= 1;
    return true;
  }

  /** Gives a slot back. */
  give(): void {
    this.free += 1;
    this.wake?.();
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }
}
