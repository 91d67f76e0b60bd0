import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readControls } from './controls.js';
import { SpillwayError } from './errors.js';

const body = { model: 'llama3.2', messages: [{ role: 'user', content: 'hi' }] };
const controls = { fallbackProvider: 'openai', fallbackModel: 'gpt-4o-mini' };

/** The error that a body with these members gets. */
function refusal(members: object): SpillwayError {
  try {
    readControls({ ...body, ...members });
  } catch (error) {
    if (error instanceof SpillwayError && error.code === 'invalid_value') return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

function paramOf(members: object): unknown {
  return refusal(members).params['param'];
}

function onlyOf(members: object): string | undefined {
  try {
    return readControls(members).only;
  } catch (error) {
    if (error instanceof SpillwayError) return 'refused';
    throw error;
  }
}

describe('readControls', () => {
  it('is the default where nothing is said', () => {
    expect(readControls(body)).toEqual({ fallback: true });
    expect(readControls({ ...body, extra_body: { top_k: 5 }, spillway: {} })).toEqual({ fallback: true });
  });

  it.each([
    ['fallbakit', { fallbakit: controls }],
    ['spillway', { spillway: controls }],
    ['extra_body.fallbakit', { extra_body: { fallbakit: controls } }],
    ['extra_body.spillway', { extra_body: { spillway: controls } }],
    ['extra_body.extra_body.fallbakit', { extra_body: { extra_body: { fallbakit: controls } } }],
    ['two places with one value', { spillway: controls, extra_body: { fallbakit: controls } }],
    [
      'two places with a part each',
      { spillway: { fallbackProvider: 'openai' }, fallbakit: { fallbackModel: 'gpt-4o-mini' } },
    ],
  ])('reads %s', (_, members) => {
    expect(readControls({ ...body, ...members })).toEqual({ fallback: true, ...controls });
  });

  it.each([
    [{ localModelOnly: true }, { fallback: true, only: 'local' }],
    [{ forceLocal: true }, { fallback: true, only: 'local' }],
    [
      { forceLocal: true, localModelOnly: true },
      { fallback: true, only: 'local' },
    ],
    [{ cloudModelOnly: true }, { fallback: true, only: 'cloud' }],
    [
      { cloudModelOnly: true, localModelOnly: false },
      { fallback: true, only: 'cloud' },
    ],
    [{ cloudModelOnly: false, localModelOnly: false }, { fallback: true }],
    [{ fallback: false }, { fallback: false }],
    [
      { fallback: true, ...controls },
      { fallback: true, ...controls },
    ],
  ])('reads %j', (fields, expected) => expect(readControls({ ...body, spillway: fields })).toEqual(expected));

  it.each([
    [{ spillway: { fallbackModel: 'a' }, fallbakit: { fallbackModel: 'b' } }, 'spillway.fallbackModel'],
    [
      { spillway: { localModelOnly: true }, extra_body: { fallbakit: { forceLocal: false } } },
      'extra_body.fallbakit.forceLocal',
    ],
    [{ spillway: { localModelOnly: true, forceLocal: false } }, 'spillway.forceLocal'],
    [{ spillway: { cloudModelOnly: true, localModelOnly: true } }, 'spillway.cloudModelOnly'],
    [{ fallbakit: { cloudModelOnly: true }, spillway: { forceLocal: true } }, 'fallbakit.cloudModelOnly'],
    [{ spillway: { fallback: false, fallbackModel: 'a' } }, 'spillway.fallbackModel'],
    [{ spillway: { localmodelonly: true } }, 'spillway.localmodelonly'],
    [{ spillway: { fallbackProvider: 7 } }, 'spillway.fallbackProvider'],
    [{ spillway: { fallbackProvider: null } }, 'spillway.fallbackProvider'],
    [{ spillway: { fallbackModel: '' } }, 'spillway.fallbackModel'],
    [{ spillway: { fallbackModel: 'a b' } }, 'spillway.fallbackModel'],
    [{ spillway: { fallbackModel: 'a'.repeat(201) } }, 'spillway.fallbackModel'],
    [{ spillway: { localModelOnly: 'true' } }, 'spillway.localModelOnly'],
    [{ spillway: { fallback: 0 } }, 'spillway.fallback'],
    [{ spillway: [] }, 'spillway'],
    [{ spillway: null }, 'spillway'],
    [{ fallbakit: 'openai' }, 'fallbakit'],
    [{ extra_body: 'x' }, 'extra_body'],
    [{ extra_body: { extra_body: { extra_body: {} } } }, 'extra_body.extra_body.extra_body'],
    // Nobody who writes these may find out later that they did nothing.
    [{ localModelOnly: true }, 'localModelOnly'],
    [{ extra_body: { localModelOnly: true } }, 'extra_body.localModelOnly'],
    [{ extra_body: { fallbackModel: 'a' } }, 'extra_body.fallbackModel'],
  ])('refuses %j', (members, param) => expect(paramOf(members)).toBe(param));

  it('names the fields there are when one is unknown', () => {
    expect(refusal({ spillway: { fallbackModels: 'a' } }).message).toBe(
      'spillway.fallbackModels holds an unknown field. The fields are fallbackProvider, fallbackModel, ' +
        'cloudModelOnly, localModelOnly, forceLocal, fallback.',
    );
    expect(refusal({ spillway: { 'sk-abcdef': 1 } }).message).not.toContain('abcdef');
  });

  it.each([
    { api_key: 'zebra' },
    { apiKey: 'zebra' },
    { base_url: 'zebra' },
    { baseURL: 'zebra' },
    { api_base: 'zebra' },
    { extra_headers: { a: 'zebra' } },
    { Authorization: 'zebra' },
    { openai_api_key: 'zebra' },
    { url: 'zebra' },
    { fallbackModel: 'sk-zebra' },
    { fallbackProvider: 'https://zebra.example/v1' },
    { fallbackProvider: 'Bearer zebra' },
    { unknown: 'sk-zebra' },
  ])('refuses the key or address in %j without repeating it', (fields) => {
    for (const members of [{ spillway: fields }, { extra_body: { fallbakit: fields } }]) {
      const { message } = refusal(members);
      expect(message).toContain('come from the operator');
      expect(message).not.toContain('zebra');
    }
  });

  it.each(['base_url', 'baseURL', 'api_key', 'apiKey', 'api_base', 'extra_headers', 'authorization'])(
    'refuses %s in the body and in extra_body',
    (name) => {
      expect(paramOf({ [name]: 'zebra' })).toBe(name);
      expect(refusal({ [name]: 'zebra' }).message).not.toContain('zebra');
      expect(paramOf({ extra_body: { [name]: 'zebra' } })).toBe(`extra_body.${name}`);
    },
  );

  it('refuses a body that is no object', () => {
    for (const value of [null, 'x', 3, [], undefined]) {
      expect(() => readControls(value)).toThrow('The request body must be a JSON object.');
    }
  });

  it('never throws anything but its own error, and never lets local and cloud through together', () => {
    const wrapper = fc.dictionary(
      fc.constantFrom(
        'fallback',
        'forceLocal',
        'localModelOnly',
        'cloudModelOnly',
        'fallbackModel',
        '__proto__',
      ),
      fc.oneof(
        { weight: 9, arbitrary: fc.boolean() },
        { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
      ),
    );
    const any = fc.record(
      { spillway: wrapper, fallbakit: wrapper, extra_body: fc.object() },
      { requiredKeys: [] },
    );
    let accepted = 0;
    fc.assert(
      fc.property(any, (members) => {
        const said = (name: string): boolean =>
          [members.spillway, members.fallbakit].some((each) => each?.[name] === true);
        const only = onlyOf({ ...body, ...members });
        const refused = only === 'refused';
        accepted += refused ? 0 : 1;
        expect(refused || only === 'local' || !(said('localModelOnly') || said('forceLocal'))).toBe(true);
        expect(refused || only === 'cloud' || !said('cloudModelOnly')).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
