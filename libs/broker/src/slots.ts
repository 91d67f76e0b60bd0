/** How many jobs a consumer may still take: `workerConcurrency`, none while it is paused, and none once it is closed. */
export class Slots {
  private paused = false;
  private closed = false;
  private wake: (() => void) | undefined;

  constructor(private free: number) {}

  /** Neither paused nor closed. */
  get areOpen(): boolean {
    return !this.paused && !this.closed;
  }

  /** Resolves with true once a slot is taken, with false once they are closed. One caller at a time. */
  async take(): Promise<boolean> {
    while (!this.closed && (this.paused || this.free <= 0)) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    if (this.closed) return false;
    this.free -= 1;
    return true;
  }

  /** Gives a slot back. */
  give(): void {
    this.free += 1;
    this.wake?.();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.wake?.();
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }
}
