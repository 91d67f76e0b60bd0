import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { FrameSplitter } from '../chaos/resp.js';

/** How a published message begins, as an array or as a push. */
const MESSAGE = /^[*>]3\r\n\$7\r\nmessage\r\n/;

/** A way to a Redis on which every command works and every published message is lost. */
export interface DeafRedis {
  readonly url: string;
  /** Bytes of messages that were lost. */
  readonly lostBytes: number;
  close(): Promise<void>;
}

/** Passes connections on to the Redis on this port of loopback, replies to SUBSCRIBE and PING included. */
export async function startDeafRedis(redisPort: number): Promise<DeafRedis> {
  const sockets = new Set<Socket>();
  let lostBytes = 0;
  const server = createServer((client) => {
    const redis = connect(redisPort, '127.0.0.1');
    const replies = new FrameSplitter();
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.once('close', () => other.destroy());
    }
    client.pipe(redis);
    redis.on('data', (chunk: Buffer) => {
      for (const reply of replies.push(chunk)) {
        if (MESSAGE.test(reply.toString('latin1', 0, 24))) lostBytes += reply.length;
        else client.write(reply);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lostBytes() {
      return lostBytes;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
