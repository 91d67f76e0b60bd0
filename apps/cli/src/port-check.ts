import { createServer } from 'node:net';
import { StartError } from './start-error.js';

/** @throws StartError if nobody could listen there now. */
export async function checkPortIsFree(host: string, port: number): Promise<void> {
  const server = createServer();
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (failure) throw new StartError(explain(failure, host, port));
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  const next = port < 65_535 ? port + 1 : port - 1;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is taken. Stop what uses it, or choose another: PORT=${next} ./spillway up`;
    case 'EACCES':
      return `port ${port} of ${host} needs more rights than yours. Choose one above 1023: PORT=4100 ./spillway up`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine. Correct server.host (or HOST), usually 127.0.0.1 or 0.0.0.0`;
    case undefined:
    default:
      return `the api could not listen on ${host}:${port}: ${message}`;
  }
}
