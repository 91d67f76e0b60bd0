import { describe, expect, it } from '@jest/globals';
import { ToolDeltas } from './tool-deltas.js';

type Piece = Readonly<Record<string, unknown>>;

/** A piece of a call as an upstream sends it; what is left out of the arguments is left out of it. */
function piece(index: number | undefined, id?: string, name?: string, json?: string): Piece {
  return {
    ...(index !== undefined && { index }),
    ...(id !== undefined && { id, type: 'function' }),
    function: { ...(name !== undefined && { name }), ...(json !== undefined && { arguments: json }) },
  };
}

/** What a client gets of chunks with these pieces, one chunk each. */
function relay(...pieces: readonly Piece[]): readonly Piece[] {
  const tools = new ToolDeltas();
  return pieces.map((each) => {
    const choices = [{ index: 0, delta: { tool_calls: [each] } }];
    const corrected = (tools.correct(choices) ?? choices) as typeof choices;
    return corrected[0]?.delta.tool_calls[0] ?? {};
  });
}

const wanted = [
  piece(0, 'call_a', 'f', ''),
  piece(0, undefined, undefined, '{"x":1}'),
  piece(1, 'call_b', 'g', ''),
  piece(1, undefined, undefined, '{}'),
];

describe('ToolDeltas', () => {
  it('leaves calls alone that are right, in turn or side by side', () => {
    const inTurn = new ToolDeltas();
    for (const each of wanted)
      expect(inTurn.correct([{ index: 1, delta: { tool_calls: [each] } }])).toBe(undefined);
    const atOnce = new ToolDeltas();
    const pairs = [
      [wanted[0], wanted[2]],
      [wanted[1], wanted[3]],
    ];
    for (const calls of pairs)
      expect(atOnce.correct([{ index: 1, delta: { tool_calls: calls } }])).toBe(undefined);
  });

  it.each<[string, readonly Piece[]]>([
    [
      'the id with every piece',
      [
        wanted[0] ?? {},
        piece(0, 'call_a', undefined, '{"x":1}'),
        wanted[2] ?? {},
        piece(1, 'call_b', 'g', '{}'),
      ],
    ],
    [
      'an id made up for every piece',
      [
        wanted[0] ?? {},
        piece(0, 'call_7', undefined, '{"x":1}'),
        wanted[2] ?? {},
        piece(1, 'call_8', undefined, '{}'),
      ],
    ],
    [
      'no index',
      [
        piece(undefined, 'call_a', 'f', ''),
        piece(undefined, undefined, undefined, '{"x":1}'),
        piece(undefined, 'call_b', 'g', ''),
        piece(undefined, 'call_b', undefined, '{}'),
      ],
    ],
    [
      'the same index for all',
      [wanted[0] ?? {}, wanted[1] ?? {}, piece(0, 'call_b', 'g', ''), piece(0, undefined, undefined, '{}')],
    ],
  ])('corrects %s', (_, sent) => {
    expect(relay(...sent).map((each) => ({ ...each, type: undefined }))).toEqual(
      wanted.map((each) => ({ ...each, type: undefined })),
    );
  });

  it('tells the calls of two choices apart, and keeps what else is in them', () => {
    const tools = new ToolDeltas();
    const call = { ...piece(undefined, 'call_a', 'f', '{}'), extra: { signature: 'x' } };
    const choices = [0, 1].map((index) => ({ index, delta: { role: 'assistant', tool_calls: [call] } }));
    expect(tools.correct(choices)).toEqual(
      choices.map(({ index, delta }) => ({
        index,
        delta: { ...delta, tool_calls: [{ ...call, index: 0 }] },
      })),
    );
  });

  it.each<[string, unknown]>([
    ['no choices that are objects', [null, 7, 'x']],
    ['calls that are no list', [{ delta: { tool_calls: {} } }]],
    ['calls that are no objects', [{ delta: { tool_calls: [null, 'x'] } }]],
  ])('leaves %s alone', (_, choices) => {
    expect(new ToolDeltas().correct(choices as unknown[])).toBe(undefined);
  });
});
