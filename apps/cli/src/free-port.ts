import { createServer } from 'node:net';

/** A TCP port of 127.0.0.1 that was free a moment ago; whoever uses it must be ready to find it taken. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('The system gave no port on 127.0.0.1.'));
      });
    });
  });
}
