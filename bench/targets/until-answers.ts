import { setTimeout as pause } from 'node:timers/promises';
import { eventText, writeScript } from '../contract.js';
import type { Target } from '../contract.js';
import type { ServerProcess } from './server-process.js';

const BETWEEN_TRIES_MS = 100;
const TRY_MS = 10_000;
const READY_MS = 120_000;

/**
 * Resolves once a call through the target has come back from the upstream as it should.
 * @throws if one of its processes ends before, or the time is up; the message has the last answer.
 */
export async function untilAnswers(target: Target, servers: readonly ServerProcess[]): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const answer = await ask(target);
    if (answer === 'right') return;
    await Promise.all(servers.map((server) => server.expectRunning()));
    if (Date.now() > deadline) throw new Error(`${target.name} does not answer: ${answer}`);
    await pause(BETWEEN_TRIES_MS);
  }
}

/** `right`, or what came instead. */
async function ask({ url, headers, model }: Target): Promise<string> {
  const content = writeScript({ id: 'probe', events: 2, gapMs: 0, delayMs: 0 });
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
      signal: AbortSignal.timeout(TRY_MS),
    });
    const text = await response.text();
    const expected = JSON.stringify(eventText('probe', 0) + eventText('probe', 1));
    return response.ok && text.includes(expected) ? 'right' : `${response.status} ${text.slice(0, 500)}`;
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error ? `${message}: ${cause.message}` : message;
  }
}
