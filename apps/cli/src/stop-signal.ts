const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The operator's wish to stop: Ctrl-C, a service manager, a closed terminal. */
export class StopSignal {
  /** Settles at the first signal. */
  readonly requested: Promise<void>;
  /** Aborted at the first signal. */
  readonly signal: AbortSignal;
  private repeat: () => void = () => undefined;

  constructor() {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.requested = new Promise((resolve) => {
      const onSignal = (): void => {
        if (controller.signal.aborted) this.repeat();
        controller.abort();
        resolve();
      };
      for (const name of SIGNALS) process.on(name, onSignal);
    });
  }

  /** What every further signal does. */
  onRepeat(action: () => void): void {
    this.repeat = action;
  }
}
