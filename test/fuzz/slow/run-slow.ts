import { readdir, readFile, readlink } from 'node:fs/promises';
import { eventually, fetchAnswer, send } from '../../support/client.js';
import { MODEL } from '../base-requests.js';
import { LARGE_USER } from '../fuzz-upstream.js';
import type { FuzzScene } from '../scene.js';
import { measureLatency, type Latency } from './healthy-client.js';
import { openSlowSocket, type Closing, type SlowKind, type SlowSocket } from './slow-socket.js';

/** How much later than its time a connection may be closed: how often the server looks, and a busy machine, ms. */
const GRACE_MS = 8_000;
/** Sockets that are opened at once; more would be more than a server's backlog holds. */
const AT_ONCE = 100;
const MEMORY_EVERY_MS = 250;
/** How long the api may be busy with what its readers' buffers take, ms, and what counts as idle then, 10 ms a second. */
const IDLE_WITHIN_MS = 40_000;
const IDLE_TICKS = 20;

export interface SlowOptions {
  readonly sockets: number;
  /** How many of them are readers; the others are one half each. */
  readonly readers: number;
  /** Waits until the buffers of all readers are full, which costs seconds of work, so that only slowness is measured. */
  readonly settle: boolean;
  /** Between two bytes of one, ms. */
  readonly dripMs: number;
  /** How long a healthy client is measured, alone and beside them, ms. */
  readonly measureMs: number;
  readonly print?: (line: string) => void;
}

export interface SlowReport {
  readonly sockets: number;
  /** Of those that sent slowly: how many were told so with a 408, and when the last of them was closed, ms. */
  readonly closed: Readonly<
    Record<Exclude<SlowKind, 'reader'>, { readonly told: number; readonly lastAfterMs: number }>
  >;
  /** Connections that the api still held when the last timeout was over. */
  readonly left: number;
  readonly memoryMiB: { readonly before: number; readonly most: number };
  readonly alone: Latency;
  readonly beside: Latency;
}

/** Opens this many slow connections, and waits until the server has closed all of them. */
export async function runSlow(scene: FuzzScene, options: SlowOptions): Promise<SlowReport> {
  const { sockets: count, readers, settle, dripMs, measureMs, print } = options;
  const largeAnswer = await makeLargeAnswer(scene);
  // What is compiled while it runs is slow at first.
  await measureLatency(scene.url, measureMs);
  const alone = await measureLatency(scene.url, measureMs);
  const [before, held] = [await scene.memoryMiB(), await countSockets(scene.apiPid)];
  print?.(`alone: ${JSON.stringify(alone)}; the api has ${before} MiB and ${held} sockets`);
  const memory = watchMemory(scene);
  const openedAt = performance.now();
  const sockets: SlowSocket[] = [];
  try {
    const open = (kind: SlowKind) => openSlowSocket({ port: scene.port, kind, dripMs, largeAnswer });
    const openAll = (number: number, kindOf: (at: number) => SlowKind) =>
      openInTurn(
        Array.from({ length: number }, (_, at) => kindOf(at)),
        open,
        sockets,
      );
    await openAll(readers, () => 'reader');
    if (settle) await untilIdle(scene.apiPid);
    await openAll(count - readers, (at) => (at % 2 === 0 ? 'headers' : 'body'));
    if (settle) await untilHeld(scene, held + count);
    print?.(`all opened within ${Math.round(performance.now() - openedAt)} ms`);
    const beside = await measureLatency(scene.url, measureMs);
    print?.(`beside: ${JSON.stringify(beside)}`);
    const closed = {
      headers: await closings(sockets, 'headers', scene),
      body: await closings(sockets, 'body', scene),
    };
    const left = await untilLetGo(scene, held);
    return { sockets: count, closed, left, memoryMiB: { before, most: memory.stop() }, alone, beside };
  } finally {
    memory.stop();
    for (const socket of sockets) socket.leave();
  }
}

async function openInTurn(
  kinds: readonly SlowKind[],
  open: (kind: SlowKind) => SlowSocket,
  sockets: SlowSocket[],
): Promise<void> {
  for (let at = 0; at < kinds.length; at += AT_ONCE) {
    const some = kinds.slice(at, at + AT_ONCE).map(open);
    sockets.push(...some);
    await Promise.all(some.map(({ begun }) => begun));
  }
}

/** Of an answer that is kept, so that a thousand readers cost one call; larger than what two kernels buffer. */
async function makeLargeAnswer({ url }: FuzzScene): Promise<string> {
  const body = {
    model: MODEL,
    stream: true,
    messages: [{ role: 'user', content: 'A large answer.' }],
    user: LARGE_USER,
  };
  const headers = { 'x-spillway-on-disconnect': 'continue' };
  const answer = await send(`${url}/v1/chat/completions`, { body, headers }).answer();
  return `/v1/requests/${String(answer.headers['x-request-id'])}/stream`;
}

async function closings(
  sockets: readonly SlowSocket[],
  kind: Exclude<SlowKind, 'reader'>,
  { timeouts }: FuzzScene,
): Promise<{ told: number; lastAfterMs: number }> {
  const limitMs = (kind === 'headers' ? timeouts.headersTimeoutMs : timeouts.requestTimeoutMs) + GRACE_MS;
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, limitMs, undefined).unref());
  const ends = await Promise.all(
    sockets.filter((socket) => socket.kind === kind).map(({ closed }) => Promise.race([closed, late])),
  );
  const inTime = ends.filter((end): end is Closing => end !== undefined);
  return {
    told: inTime.filter(({ status }) => status === 408).length,
    lastAfterMs:
      inTime.length < ends.length ? Infinity : Math.round(Math.max(...inTime.map(({ afterMs }) => afterMs))),
  };
}

/** How many sockets more than before the api holds, once it holds no more, or when the longest timeout is over. */
async function untilLetGo(scene: FuzzScene, held: number): Promise<number> {
  const endAt = performance.now() + 2 * scene.timeouts.stallTimeoutMs + GRACE_MS;
  for (;;) {
    const left = (await countSockets(scene.apiPid)) - held;
    if (left <= 0 || performance.now() > endAt) return Math.max(0, left);
    await fetchAnswer(`${scene.url}/healthz`);
    await new Promise((resolve) => setTimeout(resolve, MEMORY_EVERY_MS));
  }
}

async function untilHeld(scene: FuzzScene, count: number): Promise<void> {
  const isHeld = async () => (await countSockets(scene.apiPid)) >= count || undefined;
  await eventually(isHeld, 'the api to hold all of them');
}

/** Resolves once a process uses next to nothing of a processor, Linux only. */
async function untilIdle(pid: number): Promise<void> {
  const usedTicks = async () => {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const endAt = performance.now() + IDLE_WITHIN_MS;
  for (let before = await usedTicks(); performance.now() < endAt;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await usedTicks();
    if (now - before < IDLE_TICKS) return;
    before = now;
  }
  throw new Error(`the api is still busy with its readers after ${IDLE_WITHIN_MS} ms`);
}

/** Of a process, Linux only. */
async function countSockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith('socket:')).length;
}

function watchMemory(scene: FuzzScene): { stop: () => number } {
  let most = 0;
  const look = async () => {
    most = Math.max(most, await scene.memoryMiB());
  };
  const timer = setInterval(() => void look(), MEMORY_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}
