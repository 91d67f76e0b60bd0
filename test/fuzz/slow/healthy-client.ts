import { Agent } from 'node:http';
import { contentOf, send } from '../../support/client.js';
import { MODEL } from '../base-requests.js';
import { ANSWER } from '../fuzz-upstream.js';

/** What somebody noticed who was in order, ms. */
export interface Latency {
  readonly answers: number;
  /** Of those, how many were not what they should be. */
  readonly wrong: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Streams, one after another, by this many clients. */
const CLIENTS = 4;

/** Asks until it is told to stop, or for so long; each answer is read to its end. */
export async function measureLatency(url: string, untilMs: number): Promise<Latency> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const times: number[] = [];
  let wrong = 0;
  const endAt = performance.now() + untilMs;
  const client = async () => {
    while (performance.now() < endAt) {
      const body = { model: MODEL, stream: true, messages: [{ role: 'user', content: 'Are you well?' }] };
      const answer = await send(`${url}/v1/chat/completions`, { body, agent })
        .answer()
        .catch(() => undefined);
      if (answer && answer.status === 200 && contentOf(answer) === ANSWER) times.push(answer.totalMs);
      else wrong += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Number((times[Math.floor(share * (times.length - 1))] ?? Number.NaN).toFixed(1));
  return { answers: times.length + wrong, wrong, p50: at(0.5), p99: at(0.99), max: at(1) };
}
