import { ToolDeltas } from './tool-deltas.js';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What the chunks of one streamed answer have to have in common for the SDKs, and some upstreams do not keep to: one `id`
 * and one `created`, and tool calls that can be told apart. A chunk that is right is left as it is.
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
    const corrected = Array.isArray(choices) ? this.tools.correct(choices) : undefined;
    if (corrected) set['choices'] = JSON.stringify(corrected);
    return set;
  }
}
