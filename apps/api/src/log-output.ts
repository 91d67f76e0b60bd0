/** Where text goes at once. */
interface Sink {
  write(text: string): unknown;
}

/**
 * Where the log's lines go: those of one turn of the event loop leave in one system call, which each line of its own
 * would cost. Only a process that is killed loses any, those of its last turn.
 */
export class LogOutput {
  private held = '';

  constructor(private readonly sink: Sink) {}

  /** Takes a line; it is out before the next turn of the event loop. */
  write(line: string): void {
    if (this.held === '') setImmediate(() => this.flush());
    this.held += line;
  }

  /** Writes what is held, now: for a process that ends. */
  flush(): void {
    if (this.held === '') return;
    const lines = this.held;
    this.held = '';
    this.sink.write(lines);
  }
}
