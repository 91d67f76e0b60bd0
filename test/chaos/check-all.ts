import { checkClient, type Violation } from './check-client.js';
import { FaultTimes } from './fault-times.js';
import type { ClientHistory, Histories, UpstreamCall, UsageRow } from './history.js';

/** Every broken promise that the histories show. Pure; empty if all were kept. */
export function checkHistories(histories: Histories): Violation[] {
  const { clients, calls, faults, rows, dead, leftovers, crashes } = histories;
  const times = new FaultTimes(faults);
  const byMarker = groupBy(calls, ({ marker }) => marker);
  const deadRequests = new Set(dead);
  return [
    ...clients.flatMap((client) =>
      checkClient(client, { calls: byMarker.get(client.marker) ?? [], times, dead: deadRequests }),
    ),
    ...checkExecutions(clients, calls, rows),
    ...checkUsage(calls, rows),
    ...Object.entries(leftovers)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => ({ rule: 'leftover', about: '', text: `${count} left in ${name}` }) as const),
    ...crashes.map((text) => ({ rule: 'crash', about: '', text }) as const),
  ];
}

/** Clients that ask the same under one key get one answer, of one execution. */
function checkExecutions(
  clients: readonly ClientHistory[],
  calls: readonly UpstreamCall[],
  rows: readonly UsageRow[],
): Violation[] {
  const completed = new Set(
    rows.filter(({ outcome }) => outcome === 'completed').map(({ request }) => request),
  );
  const callsOf = groupBy(calls, ({ marker }) => marker);
  const keyed = groupBy(clients, ({ marker, kept }) => (kept === 'repeat' ? marker : ''));
  return [...keyed].flatMap(([marker, twins]) => {
    if (marker === '') return [];
    const answers = new Set(
      twins.flatMap(({ events }) => {
        const token = events.find(([, kind]) => kind === 'token')?.[2];
        return token !== undefined && events.some(([, kind]) => kind === 'done') ? [token.split('/')[1]] : [];
      }),
    );
    const paid = new Set(
      callsOf.get(marker)?.flatMap(({ request }) => (completed.has(request) ? [request] : [])),
    );
    if (answers.size <= 1 && paid.size <= 1) return [];
    const text = `one key got ${answers.size} answers, of ${paid.size} completed requests`;
    return [{ rule: 'one-execution', about: marker, text } as const];
  });
}

/** One row per call and run; a row without a call only where nobody could know whether there was one. */
function checkUsage(calls: readonly UpstreamCall[], rows: readonly UsageRow[]): Violation[] {
  const rowsOf = groupBy(rows, ({ request }) => request);
  const callsOf = groupBy(calls, ({ request }) => request);
  const violations: Violation[] = [];
  for (const request of new Set([...rowsOf.keys(), ...callsOf.keys()])) {
    const report = (text: string) => violations.push({ rule: 'usage', about: request, text });
    const calls = callsOf.get(request) ?? [];
    const itsRows = groupBy(rowsOf.get(request) ?? [], ({ epoch }) => epoch);
    const itsCalls = groupBy(calls, ({ epoch }) => epoch);
    for (const [epoch, each] of itsRows) {
      const outcomes = each.map(({ outcome }) => outcome).join(', ');
      if (each.length > 1) report(`run ${epoch} has ${each.length} rows: ${outcomes}`);
      const call = itsCalls.get(epoch)?.[0];
      if (!call && outcomes !== 'unknown') report(`run ${epoch} has a row (${outcomes}) and made no call`);
      if (call && outcomes === 'completed' && !call.finished)
        report(`run ${epoch} has a row that says completed; its call was not`);
    }
    for (const [epoch, each] of itsCalls) {
      const shown = each.map(showCall).join(', ');
      if (each.length > 1) report(`run ${epoch} made ${each.length} calls: ${shown}`);
      if (epoch === undefined || !itsRows.has(epoch)) report(`run ${epoch} made ${shown} and has no row`);
    }
  }
  return violations;
}

function showCall({
  number,
  worker,
  script,
  sent,
  planned,
  startedAt,
  closedAt = Infinity,
}: UpstreamCall): string {
  return `call ${number} by ${worker} (${script}, ${sent} of ${planned}, open ${closedAt - startedAt} ms)`;
}

function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
