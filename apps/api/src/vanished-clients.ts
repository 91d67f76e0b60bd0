import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { readTcpTable, tcpEndsOf, type TcpEnds } from './tcp-table.js';

/** How often the kernel is asked, ms. */
const LOOK_MS = 4_000;
/** Looks in a row at which nothing was acknowledged since the one before: three pauses, 12 s. */
const LOOKS = 4;
/** By then at least this often sent again: fewer is a bad connection, not a lost one. */
const MIN_RETRANSMITS = 3;

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

interface Suspect {
  readonly looks: number;
  readonly retransmits: number;
}

/**
 * Cuts connections whose client has vanished without a word while something was on its way to it: a power cut, a lost
 * network. TCP keep-alive asks only on a connection where nothing is, and the kernel goes on sending for a quarter of an
 * hour. Linux tells how that goes, other systems do not: there it does nothing.
 */
export class VanishedClients {
  private readonly sockets = new Set<Socket>();
  private suspects = new Map<TcpEnds, Suspect>();
  private timer: NodeJS.Timeout | undefined;

  /** `isNeeded`: is anything on its way to anybody? */
  constructor(
    private readonly isNeeded: () => boolean,
    private readonly readTables = readKernelTables,
  ) {}

  watch(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** One look; runs every 4 s. */
  async look(): Promise<void> {
    if (!this.isNeeded()) return;
    const before = this.suspects;
    const connections = readTcpTable(await this.readTables());
    this.suspects = new Map();
    for (const socket of this.sockets) {
      const ends = tcpEndsOf(socket);
      const retransmits = ends === undefined ? 0 : (connections.get(ends) ?? 0);
      if (ends === undefined || retransmits === 0) continue;
      const known = before.get(ends);
      // Fewer than before: in between, it has acknowledged something.
      const looks = known && retransmits >= known.retransmits ? known.looks + 1 : 1;
      if (looks >= LOOKS && retransmits >= MIN_RETRANSMITS) socket.destroy();
      else this.suspects.set(ends, { looks, retransmits });
    }
  }
}

async function readKernelTables(): Promise<string> {
  const tables = TABLES.map((file) => readFile(file, 'latin1').catch(() => ''));
  return (await Promise.all(tables)).join('\n');
}
