import { readMember, rewriteBody } from '#core/body.js';
import { isRecord, parseJson } from '../json.js';
import type { ProviderFrame } from '../provider.js';
import { sumUsage } from '../sum-usage.js';
import type { ChoiceMerger } from './choice-merger.js';
import { listOf, placeChoices } from './rewrite-choices.js';

/** Whole answers as one: the first call's, with the choices of all and with their usage added up. */
export class AnswerMerger implements ChoiceMerger {
  private readonly bodies: Buffer[] = [];

  constructor(private readonly calls: number) {}

  take(call: number, { bytes }: ProviderFrame): undefined {
    this.bodies[call] = bytes;
  }

  finish(): ProviderFrame {
    const { bodies, calls } = this;
    const placed = bodies.flatMap((body, call) => placeChoices(body, call, calls));
    const choices = listOf(placed.toSorted((one, other) => one.index - other.index));
    const usages = bodies.map((body) => parseJson(readMember(body, 'usage') ?? 'null'));
    // Counts of some would read as those of all.
    const usage = usages.every(isRecord) ? sumUsage(usages) : undefined;
    const set = { choices, ...(usage && { usage: JSON.stringify(usage) }) };
    const [first = Buffer.from('{}')] = bodies;
    return { bytes: rewriteBody(first, { set, remove: usage ? [] : ['usage'] }), output: true };
  }
}
