import { isRecord } from '../json.js';
import { ToolDeltas } from './tool-deltas.js';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What the chunks of one streamed answer have to have in common for the SDKs, and some upstreams do not keep to: one `id`
 * and one `created`, a delta in each choice, and tool calls that can be told apart. A chunk that is right is left as it is.
 */
export class ChunkCorrections {
  private id: string | undefined;
  private created: number | undefined;
  private readonly tools = new ToolDeltas();

  /** The members of the next chunk that must differ, by name, as JSON text. Each chunk is to be asked about once. */
  next(chunk: JsonObject): Record<string, string> {
    const { id, created, choices } = chunk;
    const set: Record<string, string> = {};
    if (this.id === undefined) this.id = typeof id === 'string' && id !== '' ? id : undefined;
    else if (id !== this.id) set['id'] = JSON.stringify(this.id);
    if (this.created === undefined) this.created = Number(created) > 0 ? Number(created) : undefined;
    else if (created !== this.created) set['created'] = String(this.created);
    if (!Array.isArray(choices)) return set;
    const withDeltas = addDeltas(choices);
    const corrected = this.tools.correct(withDeltas ?? choices) ?? withDeltas;
    if (corrected) set['choices'] = JSON.stringify(corrected);
    return set;
  }
}

/** Clients read `delta.content` of every choice; a last chunk may have no delta. Undefined where nothing is missing. */
function addDeltas(choices: readonly unknown[]): readonly unknown[] | undefined {
  const lacksDelta = (choice: unknown) =>
    isRecord(choice) && !isRecord(choice['delta']) && choice['text'] === undefined;
  if (!choices.some(lacksDelta)) return undefined;
  return choices.map((choice) => (lacksDelta(choice) ? { ...(choice as JsonObject), delta: {} } : choice));
}
