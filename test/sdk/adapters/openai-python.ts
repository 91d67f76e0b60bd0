import path from 'node:path';
import type { PythonSession } from '../../support/python-session.js';
import { WEATHER } from '../features.js';
import type { SdkOperations } from '../features.js';

const FOLDER = path.resolve('test/sdk/adapters');

/** Each operation is the function of `openai_python.py` with its name. */
export function operateOpenAiPython(python: PythonSession): SdkOperations {
  const call = (name: string, given: readonly unknown[]) => `
import sys, json
if ${JSON.stringify(FOLDER)} not in sys.path:
    sys.path.append(${JSON.stringify(FOLDER)})
import openai_python
openai_python.WEATHER = json.loads(${literal(WEATHER)})
say(it=openai_python.${name}(*json.loads(${literal(given)})))`;
  const run =
    <Value>(name: keyof SdkOperations) =>
    async (...given: readonly unknown[]): Promise<Value> => {
      const [said] = await python.run(call(name, given));
      return said?.['it'] as Value;
    };
  return {
    chat: run('chat'),
    headers: run('headers'),
    stream: run('stream'),
    streamUsage: run('streamUsage'),
    tools: run('tools'),
    streamTools: run('streamTools'),
    structured: run('structured'),
    streamStructured: run('streamStructured'),
    image: run('image'),
    controls: run('controls'),
    complete: run('complete'),
    streamCompletion: run('streamCompletion'),
    streamCompletionUsage: run('streamCompletionUsage'),
    embed: run('embed'),
    embedFloat: run('embedFloat'),
    embedDimensions: run('embedDimensions'),
    embedMany: run('embedMany'),
    moderate: run('moderate'),
    models: run('models'),
    model: run('model'),
    error: run('error'),
    streamError: run('streamError'),
    leave: run('leave'),
    cancel: async (ask, asked) => {
      python.begin(call('cancel', [ask]));
      await asked;
      python.tell('cancel');
      await python.end();
    },
    retry: run('retry'),
    noRetry: run('noRetry'),
  };
}

/** A Python literal of a string that is this value in JSON. */
function literal(value: unknown): string {
  return JSON.stringify(JSON.stringify(value));
}
