import type { Histories } from './history.js';

/** Findings shown with all that is known about them, and events of a client shown from each end. */
const MOST_SHOWN = 40;
const EVENTS_SHOWN = 6;

/** What the histories hold about each violation or slow case: enough to find its cause without playing the campaign again. */
export function evidenceFor(
  { clients, calls, rows, faults }: Histories,
  findings: readonly { readonly about: string }[],
): readonly object[] {
  return findings.slice(0, MOST_SHOWN).map((finding) => {
    const { about } = finding;
    const client = clients.find(({ marker, request }) => about !== '' && [marker, request].includes(about));
    const request = client?.request ?? about;
    const itsCalls = calls.filter((call) => call.request === request && request !== '');
    const processes = [...(client?.apis ?? []), ...itsCalls.map(({ worker }) => worker)];
    const from = Math.min(client?.sentAt ?? Infinity, ...itsCalls.map(({ startedAt }) => startedAt));
    const to = Math.max(client?.endedAt ?? 0, ...itsCalls.map(({ closedAt = 0 }) => closedAt));
    return {
      ...finding,
      client: client && { ...client, events: shorten(client.events) },
      calls: itsCalls,
      rows: rows.filter((row) => row.request === request),
      faults: faults.filter(
        (fault) =>
          (fault.process === '' || processes.includes(fault.process) || fault.request === request) &&
          fault.from < to + 10_000 &&
          fault.to > from - 10_000,
      ),
    };
  });
}

function shorten<Event>(events: readonly Event[]): readonly (Event | string)[] {
  if (events.length <= 2 * EVENTS_SHOWN) return events;
  const left = `${events.length - 2 * EVENTS_SHOWN} more`;
  return [...events.slice(0, EVENTS_SHOWN), left, ...events.slice(-EVENTS_SHOWN)];
}
