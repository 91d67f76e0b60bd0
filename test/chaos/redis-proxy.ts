import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { momentOf, recognise, type RedisPoint } from './kill-points.js';
import { FrameSplitter } from './resp.js';

interface Trap {
  readonly point: RedisPoint;
  readonly onReached: (request: string) => void;
}

const PUSH = 0x3e;
const ERROR = 0x2d;

/**
 * Stands between one process and Redis, and passes everything on until a trap is reached: then nothing more passes on
 * that connection, and whoever set the trap is told, who kills the process at exactly that point.
 */
export class RedisProxy {
  private trap: Trap | undefined;

  private constructor(private readonly server: Server) {}

  /** Listens on a free port of 127.0.0.1. */
  static async start(redisPort: number): Promise<RedisProxy> {
    const server = createServer();
    const proxy = new RedisProxy(server);
    server.on('connection', (socket) => proxy.join(socket, connect(redisPort, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Calls back once, when this point is reached; instead of an earlier trap. */
  arm(point: RedisPoint, onReached: Trap['onReached']): void {
    this.trap = { point, onReached };
  }

  disarm(): void {
    this.trap = undefined;
  }

  async close(): Promise<void> {
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket, redis: Socket): void {
    const [commands, replies] = [new FrameSplitter(), new FrameSplitter()];
    /** Of each command without a reply yet: the trap that its reply springs. */
    const pending: (undefined | (() => void))[] = [];
    let caught = false;
    /** What came behind a command whose reply may spring the trap: a process that is killed there has not sent it. */
    let held: Buffer[] | undefined;
    const spring = (trap: Trap, request: string) => {
      caught = true;
      this.trap = undefined;
      trap.onReached(request);
    };
    const forward = (frame: Buffer): void => {
      if (caught) return;
      if (held) return void held.push(frame);
      const found = this.look(frame);
      if (found?.when === 'before') return spring(found.trap, found.request);
      if (!isSubscribe(frame)) pending.push(found && (() => spring(found.trap, found.request)));
      if (found) held = [];
      redis.write(frame);
    };
    client.on('data', (chunk: Buffer) => commands.push(chunk).forEach(forward));
    redis.on('data', (chunk: Buffer) => {
      for (const frame of replies.push(chunk)) {
        const answered = frame[0] === PUSH ? undefined : pending.shift();
        // Refused: a script that this Redis does not know yet, and that will be sent whole.
        if (answered && frame[0] !== ERROR && this.trap) answered();
        if (caught) return;
        client.write(frame);
        if (!answered || !held) continue;
        const behind = held;
        held = undefined;
        behind.forEach(forward);
      }
    });
    for (const socket of [client, redis]) socket.setNoDelay(true).on('error', () => undefined);
    client.on('close', () => redis.end());
    redis.on('close', () => client.destroy());
  }

  private look(frame: Buffer): { trap: Trap; request: string; when: 'before' | 'after' } | undefined {
    const { trap } = this;
    if (!trap) return undefined;
    const command = recognise(frame);
    const { kind, when } = momentOf(trap.point);
    return command?.kind === kind ? { trap, request: command.request, when } : undefined;
  }
}

/** Answered by a push, so that no reply stands for it. */
function isSubscribe(frame: Buffer): boolean {
  return /^\*\d+\r\n\$\d+\r\n[ps]?(un)?subscribe\r\n/i.test(frame.toString('latin1', 0, 32));
}
