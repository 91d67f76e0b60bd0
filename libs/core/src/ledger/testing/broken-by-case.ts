import type { ModelRequest, ModelState, Step } from '../model-state.js';
import { pretending } from './breaking.js';
import { wholeModel as model, type Transitions } from './world.js';

/** Ledgers without a guard that only the cases can miss: the search has one client, one request, and no clock to spare. */
export const brokenByCase: readonly { readonly name: string; readonly without: Partial<Transitions> }[] = [
  {
    name: 'a kept request is cancelled when nobody reads it',
    without: {
      accept: (s, now, args) => {
        const [after, reply] = model.accept(s, now, args);
        return [after && s === null ? { ...after, orphanAt: now + 30_000 } : after, reply];
      },
    },
  },
  {
    name: 'a reader makes an orphan of a kept request',
    without: { attend: (s, now) => keptAs(s, null, (plain) => model.attend(plain, now)) },
  },
  {
    name: 'a kept request is forgotten as soon as a plain one',
    without: { seal: (s, now, args) => keptAs(s, null, (plain) => model.seal(plain, now, args)) },
  },
  {
    name: 'a seal forgets to settle',
    without: { seal: (s, now, { usage: _usage, ...alone }) => model.seal(s, now, alone) },
  },
  {
    name: 'a seal that is refused does not settle',
    without: {
      seal: (s, now, args) => {
        const [after, isSealed] = model.seal(s, now, args);
        return [isSealed ? after : s, isSealed];
      },
    },
  },
  {
    name: 'a dead letter loses its body',
    without: { claim: (s, now, args) => keptAs(s, null, (plain) => model.claim(plain, now, args)) },
  },
  {
    name: 'a dead letter of a plain request keeps its prompt',
    without: {
      claim: (s, now, args) => keptAs(s, s?.keepMs ?? 60_000, (kept) => model.claim(kept, now, args)),
    },
  },
  {
    name: 'a replica joins twice',
    without: {
      join: (s, replica) => {
        const [after, reply] = model.join(s, replica);
        return [after && { ...after, readers: [...after.readers, replica] }, reply];
      },
    },
  },
  {
    name: 'a removed request is shown',
    without: { join: (s, replica) => pretending(s, { removed: false }, (p) => model.join(p, replica)) },
  },
  {
    name: 'a removal lets the request run on',
    without: {
      remove: (s, now) => [
        s && { ...s, removed: true, body: false, log: [], expiresAt: now + 60_000 },
        s !== null,
      ],
    },
  },
  {
    name: 'a removal leaves the answer',
    without: {
      remove: (s, now) => {
        const [after, reply] = model.remove(s, now);
        return [after && s && { ...after, log: s.log }, reply];
      },
    },
  },
  {
    name: 'an idempotency key does not look at the body',
    without: {
      acceptSameKey: (s, now, args) => {
        const fingerprint = args.idempotency?.fingerprint ?? '';
        return pretending(s, { fingerprint }, (p) => model.acceptSameKey(p, now, args));
      },
    },
  },
  {
    name: 'an idempotency key begins a second execution',
    without: {
      acceptSameKey: (s, now, args) => {
        const [after, reply] = model.accept(null, now, args);
        return [after ?? s, reply];
      },
    },
  },
  {
    name: 'an idempotency key repeats a failure for ever',
    without: {
      acceptSameKey: (s, now, args) =>
        pretending(s, { outcome: s?.outcome ? { kind: 'completed' } : null }, (p) =>
          model.acceptSameKey(p, now, args),
        ),
    },
  },
];

/** Has a transition take the request for one that is kept this long. */
function keptAs<R>(
  state: ModelState,
  keepMs: ModelRequest['keepMs'],
  run: (state: ModelState) => Step<R>,
): Step<R> {
  const [after, reply] = pretending(state, { keepMs }, run);
  return [after && state && { ...after, keepMs: state.keepMs }, reply];
}
