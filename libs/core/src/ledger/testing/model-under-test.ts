import type { ModelEntry, ModelRequest, ModelState } from '../model-state.js';
import type { Outcome } from '../transitions.js';
import {
  FIRST_REPLICA,
  type CaseRequest,
  type IndexSet,
  type LedgerUnderTest,
  type Observation,
} from './ledger-under-test.js';
import { wholeModel, type Transitions } from './world.js';

/** The model, or a broken one, behind the interface of the cases: holds the state and the clock its functions take. */
export function modelUnderTest(ledger: Transitions = wholeModel): LedgerUnderTest {
  let state: ModelState = null;
  let now = 0;
  const keep = async <R>([after, reply]: readonly [ModelState, R]): Promise<R> => {
    state = after;
    return reply;
  };
  return {
    accept: (request: CaseRequest) => keep(ledger.accept(state, now, { ...request, replica: FIRST_REPLICA })),
    acceptSameKey: (request: CaseRequest) =>
      keep(ledger.acceptSameKey(state, now, { ...request, replica: FIRST_REPLICA })),
    claim: (args) => keep(ledger.claim(state, now, args)),
    renew: (epoch) => keep(ledger.renew(state, now, epoch)),
    append: (args) => keep(ledger.append(state, args)),
    seal: (args) => keep(ledger.seal(state, now, args)),
    settle: (args) => keep(ledger.settle(state, args)),
    writeOff: (epoch) => keep(ledger.writeOff(state, now, epoch)),
    next: (args) => keep(ledger.next(state, now, args)),
    release: (epoch) => keep(ledger.release(state, now, epoch)),
    lapse: () => keep(ledger.lapse(state, now)),
    confirm: (args) => keep(ledger.confirm(state, args)),
    replace: (args) => keep(ledger.replace(state, now, args)),
    attend: () => keep(ledger.attend(state, now)),
    join: (replica) => keep(ledger.join(state, replica)),
    remove: () => keep(ledger.remove(state, now)),
    advance: async (ms) => {
      now += ms;
    },
    observe: async () => observe(state, now),
  };
}

const unknown: Observation = {
  state: 'unknown',
  attempt: 0,
  placement: 0,
  target: 0,
  epoch: 0,
  starts: 0,
  visible: false,
  body: false,
  outcome: null,
  ttl: 0,
  readers: [],
  log: [],
  trail: [],
  usage: {},
  unsettled: {},
  due: {},
};

function observe(request: ModelState, now: number): Observation {
  if (request === null) return unknown;
  const { state, attempt, placement, target, epoch, starts, visible, trail, usage } = request;
  const { body, readers, expiresAt, unsettled } = request;
  return {
    ...{ state, attempt, placement, target, epoch, starts, visible, trail, usage },
    ...{ body, readers, unsettled },
    ttl: expiresAt === null ? 0 : expiresAt - now,
    outcome: request.outcome && describeOutcome(request.outcome),
    log: request.log.map((entry) => describe(request, entry)),
    due: dueTimes(request),
  };
}

function dueTimes(request: ModelRequest): Observation['due'] {
  const times: readonly [IndexSet, number | null][] = [
    ['deadlines', request.state === 'ended' ? null : request.deadlineAt],
    ['unplaced', request.unplacedAt],
    ['leases', request.leaseUntil],
    ['waits', request.waitUntil],
    ['orphans', request.orphanAt],
    ['retrying', request.retryAt],
  ];
  return Object.fromEntries(times.filter(([, at]) => at !== null));
}

function describe({ targets }: ModelRequest, entry: ModelEntry): string {
  switch (entry.type) {
    case 'start':
      return `${entry.id} start ${targets[entry.target]?.provider}`;
    case 'data':
      return `${entry.id} data ${entry.text}`;
    case 'end':
      return `end ${describeOutcome(entry.outcome)}`;
  }
}

function describeOutcome(outcome: Outcome): string {
  return outcome.kind === 'failed' ? outcome.code : outcome.kind;
}
