import type { Loop, Workload } from './contract.js';
import type { Scenario } from './rounds.js';
import type { TargetName } from './targets.js';

const wholeAnswer: Workload = { stream: false, events: 20, gapMs: 0, delayMs: 0 };
const stream: Workload = { stream: true, events: 20, gapMs: 0, delayMs: 0 };
/** As a model that says 50 tokens a second. */
const pacedStream: Workload = { stream: true, events: 48, gapMs: 20, delayMs: 0 };

const compared: readonly TargetName[] = ['direct', 'fastify', 'naive', 'spillway', 'portkey'];
const proxies: readonly TargetName[] = ['fastify', 'naive', 'spillway', 'portkey'];

function closed(concurrency: number): (windowMs: number) => Loop {
  return (durationMs) => ({ kind: 'closed', concurrency, durationMs });
}

/** What `quick` measures; it does not wait for LiteLLM, which takes longer to start than a scenario. */
export const quickScenarios: readonly Scenario[] = [
  {
    ...{ name: 'json-32', about: 'whole answers, 32 at once', targets: compared },
    ...{ workload: wholeAnswer, loop: closed(32) },
  },
  {
    ...{ name: 'sse-32', about: 'streams of 20 events, 32 at once', targets: compared },
    ...{ workload: stream, loop: closed(32) },
  },
];

/** What `gate` measures: against what changes only with Node and with our dependencies. */
export const gateScenarios: readonly Scenario[] = quickScenarios.map((scenario) => ({
  ...scenario,
  targets: ['fastify', 'naive', 'spillway'],
}));

/** The loads of `full`; what is measured otherwise is in `studies.ts`. */
export const fullScenarios: readonly Scenario[] = [
  // LiteLLM takes a minute to answer 256 streams, and half of one to start: it has its part at 32.
  ...([32, 1, 256] as const).flatMap((concurrency): Scenario[] => {
    const others: readonly TargetName[] = concurrency === 32 ? ['litellm'] : [];
    // Beside a broker that publishes all it has read at once, one that publishes each event.
    const forStreams: readonly TargetName[] = concurrency === 1 ? [] : ['naive-per-read'];
    const loop = closed(concurrency);
    return [
      {
        ...{ name: `json-${concurrency}`, about: `whole answers, ${concurrency} at once` },
        ...{ targets: [...compared, ...others], workload: wholeAnswer, loop },
      },
      {
        ...{ name: `sse-${concurrency}`, about: `streams of 20 events, ${concurrency} at once` },
        ...{ targets: [...compared, ...forStreams, ...others], workload: stream, loop },
      },
    ];
  }),
  {
    ...{ name: 'slow-16', about: 'whole answers after 100 ms, 16 at once', targets: compared },
    ...{ workload: { ...wholeAnswer, delayMs: 100 }, loop: closed(16) },
  },
  ...[100, 400].map((concurrency): Scenario => ({
    ...{ name: `paced-${concurrency}`, about: `48 events, one in 20 ms, ${concurrency} at once` },
    ...{ targets: proxies, workload: pacedStream, loop: closed(concurrency), rounds: 5 },
  })),
  {
    ...{ name: 'open-loop', about: 'streams of 20 events, 200 a second whatever happens', targets: proxies },
    ...{ workload: stream, loop: (durationMs) => ({ kind: 'open', perSecond: 200, durationMs }), rounds: 3 },
  },
  {
    ...{ name: 'prompt-100kb', about: 'whole answers to prompts of 100 kB, 16 at once', targets: proxies },
    ...{ workload: { ...wholeAnswer, promptBytes: 100_000 }, loop: closed(16), rounds: 3 },
  },
  {
    ...{ name: 'image-5mb', about: 'whole answers about an image of 5 MB, 4 at once', targets: proxies },
    ...{ workload: { ...wholeAnswer, imageBytes: 5_000_000 }, loop: closed(4), rounds: 3 },
  },
  {
    ...{ name: 'cancel-storm', about: 'clients of paced streams leave after 5 of 48 events, 64 at once' },
    ...{ targets: ['fastify', 'spillway', 'portkey'], leaves: true, rounds: 3 },
    ...{ workload: { ...pacedStream, leaveAfter: 5 }, loop: closed(64) },
  },
  {
    ...{ name: 'ledger-json', about: 'whole answers, 32 at once: what the ledger costs' },
    ...{ targets: ['spillway', 'no-ledger'], workload: wholeAnswer, loop: closed(32) },
  },
  {
    ...{ name: 'ledger-sse', about: 'streams of 20 events, 32 at once: what the ledger costs' },
    ...{ targets: ['spillway', 'no-ledger'], workload: stream, loop: closed(32) },
  },
  {
    ...{ name: 'scaling-json', about: 'whole answers, 64 at once, with more processes', rounds: 3 },
    targets: ['spillway', 'spillway-2-workers', 'spillway-2-apis', 'spillway-2-of-each'],
    ...{ workload: wholeAnswer, loop: closed(64) },
  },
  {
    ...{ name: 'scaling-sse', about: 'streams of 20 events, 64 at once, with more processes', rounds: 3 },
    targets: ['spillway', 'spillway-2-workers', 'spillway-2-apis', 'spillway-2-of-each'],
    ...{ workload: stream, loop: closed(64) },
  },
  {
    ...{ name: 'open-1000', about: '1,000 streams open at once, 48 events each, one in 200 ms', rounds: 3 },
    ...{ targets: ['naive', 'spillway', 'portkey'], memory: true },
    ...{ workload: { ...pacedStream, gapMs: 200 } },
    loop: () => ({ kind: 'burst', requests: 1_000, perSecond: 250 }),
  },
];
