import { streamAs } from '../upstream-behaviours.js';
import { json } from '../upstream-behaviours.js';
import { raw, type Step } from '../upstream-steps.js';
import { ollamaAnswer, ollamaEmbeddings, ollamaError } from './ollama-answers.js';
import { startOllama } from './ollama.js';
import { COUNTS, sequence, type Said, type Wire } from './wire.js';

/** Models that are loaded from the beginning; any other name is a model too, but has to be loaded. */
const LOADED = ['upstream-model', 'its-model'];

/** Ollama's own API: `/api/chat`, `/api/generate` and `/api/embed`, a JSON object to a line. */
export const ollamaWire: Wire<'ollama'> = {
  kind: 'ollama',
  start: async () => {
    const wire = await startOllama({});
    for (const name of LOADED) wire.add(name, { thinking: 'levels' }, { loaded: true });
    wire.hasAnyModel = true;
    return wire;
  },
  baseUrl: ({ port }) => `http://127.0.0.1:${port}`,
  says: (said, { gate } = {}) => ollamaAnswer({ ...toAnswer(said), ...(gate && { gate }) }),
  error: (status, { message = `scripted ${status}`, retryAfter } = {}) =>
    ollamaError(status, message, retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  stream: (...steps) => streamAs({ contentType: 'application/x-ndjson' }, ...steps),
  begin: () => sequence(),
  token: (text) => line({ message: { role: 'assistant', content: text }, done: false }),
  finish: (reason = 'stop') =>
    line({
      message: { role: 'assistant', content: '' },
      ...{ done: true, done_reason: reason === 'length' ? 'length' : 'stop' },
      ...{ prompt_eval_count: COUNTS.prompt, eval_count: COUNTS.completion },
    }),
  errorStep: ({ message = 'model runner has unexpectedly stopped' } = {}) => line({ error: message }),
  embeddings: () => ollamaEmbeddings(),
  modelList: (...names) => json({ models: names.map((name) => ({ name, model: name })) }),
};

function line(value: object): Step {
  return raw(`${JSON.stringify(value)}\n`);
}

/** Ollama signs no thoughts, hides none, and has no filter. */
function toAnswer({ thought, text, toolCalls = [], finish }: Said) {
  return {
    ...(thought && !thought.encrypted && { thinking: thought.text }),
    ...(text !== undefined && { text }),
    calls: toolCalls.map(({ id, name, input }) => ({ id, name, arguments: input })),
    ...(finish === 'length' && { doneReason: 'length' }),
    counts: { prompt: COUNTS.prompt, completion: COUNTS.completion },
  };
}
