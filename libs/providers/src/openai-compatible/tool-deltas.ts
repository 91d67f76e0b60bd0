import { isRecord } from '../json.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** A call of a tool that an answer has begun. */
interface BegunCall {
  /** As the upstream counts; undefined where it does not. */
  readonly counted: number | undefined;
  /** As the client gets it. */
  readonly index: number;
  id: string | undefined;
}

/**
 * The tool calls of one streamed answer. SDKs put them together by `index` and append what comes twice, so a call has an
 * index of its own, and its id comes once. Upstreams that leave the index out, give all calls the same one, or repeat the
 * id with each piece are corrected; all others keep their bytes.
 */
export class ToolDeltas {
  private readonly begun = new Map<number, BegunCall[]>();

  /** The choices as SDKs read them; undefined where they are so already. */
  correct(choices: readonly unknown[]): readonly unknown[] | undefined {
    let isChanged = false;
    const corrected = choices.map((choice) => {
      const delta = isRecord(choice) ? choice['delta'] : undefined;
      const calls = isRecord(delta) ? delta['tool_calls'] : undefined;
      if (!isRecord(choice) || !isRecord(delta) || !Array.isArray(calls)) return choice;
      const begun = this.begunOf(choice['index']);
      const changed = calls.map((call: unknown) => (isRecord(call) ? correctCall(call, begun) : call));
      if (changed.every((call, at) => call === calls[at])) return choice;
      isChanged = true;
      return { ...choice, delta: { ...delta, tool_calls: changed } };
    });
    return isChanged ? corrected : undefined;
  }

  private begunOf(choice: unknown): BegunCall[] {
    const index = typeof choice === 'number' ? choice : 0;
    const begun = this.begun.get(index) ?? [];
    this.begun.set(index, begun);
    return begun;
  }
}

function correctCall(call: JsonObject, begun: BegunCall[]): JsonObject {
  const counted = Number.isSafeInteger(call['index']) ? Number(call['index']) : undefined;
  const id = typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : undefined;
  const known = findBegun(begun, counted, id);
  // Another id alone is no other call: some make one up for each piece.
  const isOther =
    id !== undefined && known?.id !== undefined && id !== known.id && nameOf(call) !== undefined;
  if (!known || isOther) return begin(call, begun, { counted, id });
  const isRepeated = id !== undefined && known.id !== undefined;
  known.id ??= id;
  if (!isRepeated) return counted === known.index ? call : { ...call, index: known.index };
  const { id: _, function: called, ...rest } = call;
  const { name: __, ...more } = isRecord(called) ? called : {};
  return { ...rest, index: known.index, ...(isRecord(called) && { function: more }) };
}

function findBegun(
  begun: readonly BegunCall[],
  counted: number | undefined,
  id: string | undefined,
): BegunCall | undefined {
  if (counted !== undefined) return begun.findLast((call) => call.counted === counted);
  return id === undefined ? begun.at(-1) : begun.find((call) => call.id === id);
}

function begin(call: JsonObject, begun: BegunCall[], { counted, id }: Omit<BegunCall, 'index'>): JsonObject {
  const isFree = counted !== undefined && begun.every(({ index }) => index !== counted);
  const index = isFree ? counted : Math.max(-1, ...begun.map((other) => other.index)) + 1;
  begun.push({ counted, index, id });
  return index === counted ? call : { ...call, index };
}

function nameOf(call: JsonObject): string | undefined {
  const name = isRecord(call['function']) ? call['function']['name'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
