/** Runs tasks at their times with one timer for all of them: a timer for each of 1,000 streams would cost more. */
export class TimerWheel {
  /** By the millisecond in which they are due. */
  private readonly slots = new Map<number, (() => void)[]>();
  /** Everything up to this millisecond has run. */
  private turnedTo = Math.floor(performance.now());
  private isTicking = false;

  /** `dueAt` in ms of `performance.now()`; what is past runs with the next tick. */
  add(dueAt: number, task: () => void): void {
    if (this.slots.size === 0) this.turnedTo = Math.floor(performance.now());
    const slot = Math.max(Math.ceil(dueAt), this.turnedTo + 1);
    const tasks = this.slots.get(slot);
    if (tasks === undefined) this.slots.set(slot, [task]);
    else tasks.push(task);
    if (!this.isTicking) this.tick();
  }

  private tick(): void {
    this.isTicking = true;
    setTimeout(() => {
      this.turn(Math.floor(performance.now()));
      this.isTicking = false;
      if (this.slots.size > 0 && !this.isTicking) this.tick();
    }, 1);
  }

  private turn(now: number): void {
    while (this.turnedTo < now) {
      const slot = ++this.turnedTo;
      const tasks = this.slots.get(slot);
      if (tasks === undefined) continue;
      this.slots.delete(slot);
      for (const task of tasks) task();
    }
  }
}
