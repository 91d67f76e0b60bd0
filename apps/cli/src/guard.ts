import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Ends its process if we die before `release` was called. */
export interface Guard {
  /** The guarded process has ended, or may outlive us: forget it. */
  release(): void;
}

/**
 * Makes sure that a child does not outlive us, even if we are killed with SIGKILL: a shell waits on a pipe that the
 * kernel closes with us, then signals the child. It sits in its own session, so a Ctrl-C in the terminal does not end
 * it first.
 */
export function guardProcess(pid: number, signal: 'TERM' | 'KILL'): Guard {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -s "$2" "$1"', 'guard', String(pid), signal], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined); // no /bin/sh: the exit handlers of the caller are all there is
  shell.stdin.on('error', () => undefined); // written to by nobody; a broken pipe only says that the shell ended
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref(); // an open pipe alone would keep us alive
  return { release: () => void shell.kill('SIGKILL') };
}
