import { hang, part, reply, type Behaviour } from './upstream-behaviours.js';
import { dropHere, hangOn, type Step } from './upstream-steps.js';
import type { Wire } from './wire/wire.js';

/** A way in which a provider of some kind comes to nothing before its first output. */
export interface KindFailure {
  readonly cause: string;
  readonly behaviour: (wire: Wire<string>, stream: boolean) => Behaviour;
  /** It is its own silence that ends it, so its timeouts must be short. */
  readonly silent?: true;
}

/** A stream goes as far as it can without saying anything; a whole answer as far as its first byte. */
const begun =
  (end: Step, rest: 'drop' | 'hang'): KindFailure['behaviour'] =>
  (wire, stream) =>
    stream ? wire.stream(wire.begin(), wire.token(''), end) : part('{', { rest });

const ended: KindFailure['behaviour'] = (wire, stream) =>
  stream
    ? wire.stream(wire.begin(), wire.token(''))
    : reply('{', { headers: { 'content-type': 'application/json' } });

const toldInside: KindFailure['behaviour'] = (wire, stream) =>
  stream ? wire.stream(wire.begin(), wire.errorStep()) : wire.error(503, { retryAfter: '30' });

/** Each in the words of any wire. */
export const KIND_FAILURES: readonly KindFailure[] = [
  { cause: 'an error', behaviour: (wire) => wire.error(500) },
  { cause: 'silence', behaviour: hang, silent: true },
  { cause: 'silence behind the head', behaviour: begun(hangOn(), 'hang'), silent: true },
  { cause: 'a connection that breaks', behaviour: begun(dropHere(), 'drop') },
  { cause: 'an answer that is cut off', behaviour: ended },
  { cause: 'an error instead of an answer', behaviour: toldInside },
];
