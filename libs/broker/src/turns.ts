/** Does one thing after the other. For decisions that read a count and then change it: side by side all would read the same. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `act` does, which begins when all before it are over. */
  async take<Value>(act: () => Promise<Value>): Promise<Value> {
    const turn = this.last.then(act);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
