/** Holds a scripted upstream at a point until the test lets it go on, so that no test needs to sleep. */
export interface Gate {
  /** Lets `count` passes through, now or when they come. Default: 1. */
  release(count?: number): void;
  /** Lets everything through from now on. */
  open(): void;
  /** Waits for a pass, or until `left` is aborted: one who left takes no pass from those who wait. */
  pass(left: AbortSignal): Promise<void>;
  /** How many wait now. */
  readonly waiting: number;
}

export function createGate(): Gate {
  const waiting = new Set<() => void>();
  let passes = 0;
  const letThrough = () => {
    for (const enter of waiting) {
      if (passes === 0) return;
      passes--;
      enter();
    }
  };
  return {
    release: (count = 1) => {
      passes += count;
      letThrough();
    },
    open: () => {
      passes = Infinity;
      letThrough();
    },
    pass: (left) =>
      new Promise((resolve) => {
        if (left.aborted) return resolve();
        const enter = () => {
          waiting.delete(enter);
          left.removeEventListener('abort', enter);
          resolve();
        };
        left.addEventListener('abort', enter, { once: true });
        waiting.add(enter);
        letThrough();
      }),
    get waiting() {
      return waiting.size;
    },
  };
}
