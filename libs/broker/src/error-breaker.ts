const WINDOW_MS = 1_000;
const ERRORS_IN_WINDOW = 5;
const PAUSE_MS = 1_000;

export interface ErrorBreakerOptions {
  readonly pause: () => void;
  readonly resume: () => void;
  /** Called once per pause. */
  readonly report: (reason: string, errors: number) => void;
}

/**
 * Stops a hot loop: under OOM or READONLY a BullMQ worker asks again at once, thousands of times a second. More than
 * five errors within a second pause it for a second.
 */
export class ErrorBreaker {
  private errors = 0;
  private windowStart = 0;
  private paused = false;

  constructor(private readonly options: ErrorBreakerOptions) {}

  failed(error: Error): void {
    const now = performance.now();
    if (now - this.windowStart > WINDOW_MS) {
      this.windowStart = now;
      this.errors = 0;
    }
    this.errors += 1;
    if (this.paused || this.errors <= ERRORS_IN_WINDOW) return;
    this.paused = true;
    this.options.report(error.message, this.errors);
    this.options.pause();
    setTimeout(() => {
      this.paused = false;
      this.errors = 0;
      this.options.resume();
    }, PAUSE_MS).unref();
  }
}
