import { runCampaign } from './campaign.js';
import type { LoopResult } from './loop.js';

/** The promise: at the 99th percentile, ms. */
const PROMISED_MS = 8_000;
/** A kill, the lease of 5 s, and time to see who goes on, ms. */
const PER_KILL_MS = 3_000;
const REQUESTS_PER_KILL = 20;

/** Kills alone: how long until the successor's first frame, or the typed error. */
export async function runWorkerKillLoop(
  seed: number,
  kills: number,
  log: (line: string) => void,
): Promise<LoopResult> {
  const { report } = await runCampaign({
    ...{ seed, kills, stops: 0, restarts: 0, pauses: 0, cuts: 0, apis: 3, workers: 6, log },
    ...{ requests: kills * REQUESTS_PER_KILL, durationMs: kills * PER_KILL_MS },
  });
  const { recoveryMs, unclaimedMs, runsLost, endings, violations } = report;
  const failures = [
    ...violations.map(({ rule, about, text }) => `${rule} ${about}: ${text}`),
    ...(recoveryMs.count > 0 ? [] : ['no run was lost']),
    ...(recoveryMs.p99 <= PROMISED_MS ? [] : [`the 99th percentile is ${recoveryMs.p99} ms`]),
  ];
  return { figures: { seed, kills, runsLost, recoveryMs, unclaimedMs, endings }, failures };
}
