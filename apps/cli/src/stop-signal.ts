const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The operator's wish to stop: Ctrl-C, a service manager, a closed terminal. */
export class StopSignal {
  /** Settles at the first signal. */
  readonly requested: Promise<void>;
  private repeat: () => void = () => undefined;

  constructor() {
    let isRequested = false;
    this.requested = new Promise((resolve) => {
      const onSignal = (): void => {
        if (isRequested) this.repeat();
        isRequested = true;
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
