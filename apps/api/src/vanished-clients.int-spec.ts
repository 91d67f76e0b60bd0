import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/client.js';
import { startRedis } from '../../../test/support/redis.js';
import { readTcpTable, tcpEndsOf } from './tcp-table.js';
import { startTestApi } from './testing/test-api.js';
import { VanishedClients } from './vanished-clients.js';

let server: Server;
let client: Socket;
let socket: Socket;

async function open(host: string): Promise<void> {
  server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  client = connect((server.address() as AddressInfo).port, host);
  client.on('error', () => undefined);
  [socket] = await accepted;
}

afterEach(() => {
  client?.destroy();
  socket?.destroy();
  server?.close();
});

describe('the tables of a real kernel', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((each = []) =>
    each.filter(({ internal }) => internal),
  );

  it.each(addresses)('name a connection from $address as we do', async ({ address, family }) => {
    await open(address);
    const file = family === 'IPv6' ? '/proc/net/tcp6' : '/proc/net/tcp';
    expect(readTcpTable(await readFile(file, 'latin1')).get(String(tcpEndsOf(socket)))).toBe(0);
  });
});

describe('VanishedClients', () => {
  let retransmits = 0;
  let needed = true;
  let watch: VanishedClients;

  /** As the kernel would tell of our connection. */
  const table = () => {
    const [port, remote] = String(tcpEndsOf(socket)).split(' ');
    const hex = (number: unknown, digits: number) =>
      Number(number).toString(16).toUpperCase().padStart(digits, '0');
    return Promise.resolve(
      `   0: 0100007F:${hex(port, 4)} ${remote} 01 00000001:00000000 01:00000106 ${hex(retransmits, 8)}     0\n`,
    );
  };

  async function lookAt(...counts: readonly number[]): Promise<void> {
    for (const count of counts) {
      retransmits = count;
      await watch.look();
    }
  }

  beforeEach(async () => {
    await open('127.0.0.1');
    needed = true;
    watch = new VanishedClients(() => needed, table);
    watch.watch(socket);
  });

  it('cuts a connection that acknowledges nothing over four looks', async () => {
    await lookAt(1, 4, 5);
    expect(socket.destroyed).toBe(false);
    await lookAt(5);
    expect(socket.destroyed).toBe(true);
    await once(client.resume(), 'close');
  });

  it.each([
    ['that acknowledges in between', [4, 5, 5, 0, 4, 5, 5]],
    ['that has acknowledged something since', [4, 5, 6, 1, 2, 3]],
    ['that is bad, but not lost', [1, 1, 1, 1, 2, 2, 2, 2]],
    ['that is well', [0, 0, 0, 0, 0, 0]],
  ])('leaves one alone %s', async (_, counts) => {
    await lookAt(...counts);
    expect(socket.destroyed).toBe(false);
  });

  it('does not look while nothing is on its way', async () => {
    needed = false;
    await lookAt(9, 9, 9, 9, 9);
    expect(socket.destroyed).toBe(false);
  });
});

describe('the api', () => {
  it('has the kernel ask after every silent client', async () => {
    const redis = await startRedis();
    const api = await startTestApi({ redis: { url: redis.url, prefix: 'vanished' } });
    try {
      client = connect(api.port, '127.0.0.1');
      await once(client, 'connect');
      const remote = String(tcpEndsOf({ ...ends(client), localPort: api.port })).split(' ')[1];
      // Timer 2 is that of keep-alive; its time is in hundredths of a second.
      const row = new RegExp(`:[0-9A-F]{4} ${remote} 01 \\S+ 02:([0-9A-F]+) `);
      const due = await eventually(
        async () => row.exec(await readFile('/proc/net/tcp', 'latin1'))?.[1],
        'its timer',
      );
      expect(Number.parseInt(due, 16)).toBeLessThanOrEqual(1_000);
    } finally {
      await api.close();
      await redis.stop();
    }
  });
});

/** A client's end as its server sees it. */
function ends(of: Socket): { remoteAddress: string; remotePort: number } {
  return { remoteAddress: '127.0.0.1', remotePort: of.localPort ?? 0 };
}
