import { rewriteBody } from '#core/body.js';
import { isRecord, parseJson } from '../json.js';
import type { ProviderFrame } from '../provider.js';
import { sumUsage } from '../sum-usage.js';
import type { ChoiceMerger } from './choice-merger.js';
import { listOf, placeChoices } from './rewrite-choices.js';

const DATA = 'data: ';
const DONE = 'data: [DONE]\n\n';

/**
 * Streams as one: their chunks in the order in which they come, each choice at its own index, and all under the first
 * one's id, time and fingerprint. Their chunks of usage become one, and so do their ends.
 */
export class ChunkMerger implements ChoiceMerger {
  /** JSON text of what all chunks have in common, by name. */
  private readonly head: Record<string, string> = {};
  /** What each call last reported. */
  private readonly usages: unknown[];
  /** A chunk of usage that was kept back. */
  private usageChunk: string | undefined;

  constructor(private readonly calls: number) {
    this.usages = Array.from({ length: calls });
  }

  take(call: number, { bytes, output }: ProviderFrame): ProviderFrame | undefined {
    const events = bytes.toString().split('\n\n').filter(Boolean);
    const kept = events.flatMap((event) => this.takeEvent(call, event));
    return kept.length === 0 ? undefined : { bytes: Buffer.from(kept.join('')), output };
  }

  finish(): ProviderFrame {
    return { bytes: Buffer.from(`${this.totalUsage()}${DONE}`), output: false, last: true };
  }

  private takeEvent(call: number, event: string): readonly string[] {
    const text = event.startsWith(DATA) ? event.slice(DATA.length) : '';
    const chunk = parseJson(text);
    if (!isRecord(chunk)) return text === '[DONE]' ? [] : [`${event}\n\n`];
    const usage = isRecord(chunk['usage']) ? chunk['usage'] : undefined;
    if (usage) this.usages[call] = usage;
    const isUsage = usage !== undefined && Array.isArray(chunk['choices']) && chunk['choices'].length === 0;
    if (isUsage) {
      this.usageChunk = text;
      return [];
    }
    const body = Buffer.from(text);
    const choices = listOf(placeChoices(body, call, this.calls));
    // Counts on the way are of all calls so far; with the last call's end they are the whole.
    const counts = usage && { usage: JSON.stringify(sumUsage(this.usages)) };
    return [this.write(body, { ...this.commonOf(chunk), choices, ...counts })];
  }

  /** One chunk, where every call gave its own. */
  private totalUsage(): string {
    if (this.usageChunk === undefined || !this.usages.every(isRecord)) return '';
    const usage = JSON.stringify(sumUsage(this.usages));
    return this.write(Buffer.from(this.usageChunk), { ...this.head, usage });
  }

  private write(chunk: Buffer, set: Readonly<Record<string, string>>): string {
    return `${DATA}${rewriteBody(chunk, { set }).toString()}\n\n`;
  }

  /** The members that this chunk shares with all others; the first one that has them decides. */
  private commonOf({
    id,
    created,
    system_fingerprint: fingerprint,
  }: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
    const { head } = this;
    if (typeof id === 'string' && id !== '') head['id'] ??= JSON.stringify(id);
    if (Number(created) > 0) head['created'] ??= String(Number(created));
    if (typeof fingerprint !== 'string') {
      const { system_fingerprint: _, ...rest } = head;
      return rest;
    }
    head['system_fingerprint'] ??= JSON.stringify(fingerprint);
    return head;
  }
}
