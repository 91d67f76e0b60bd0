import type { Writable } from 'node:stream';

/**
 * Lets all that is written in one turn of the event loop leave in one system call: each costs about as much as the
 * rest of the work on a command, and a process with many requests sends several commands in each turn. The order stays,
 * and what is written before an `end()` leaves before it.
 */
export function oneWritePerTurn(stream: Writable): void {
  const write = stream.write.bind(stream);
  let held = false;
  const release = (): void => {
    held = false;
    stream.uncork();
  };
  Object.assign(stream, {
    write(...args: Parameters<Writable['write']>): boolean {
      if (!held) {
        held = true;
        stream.cork();
        setImmediate(release);
      }
      return write(...args);
    },
  });
}
