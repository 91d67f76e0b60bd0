import {
  APICallError,
  embed,
  embedMany,
  generateText,
  isStepCount,
  Output,
  RetryError,
  StreamProviderError,
  streamText,
  tool,
} from 'ai';
import type { EmbeddingModel, LanguageModel, LanguageModelUsage } from 'ai';
import { z } from 'zod';
import { WEATHER } from '../features.js';
import type { Ask, EmbedAsk, SdkError, SdkOperations, Tokens } from '../features.js';

/** What is different between the packages of the AI SDK that speak OpenAI's API. */
export interface AiSdkModels {
  readonly chat: (model: string) => Exclude<LanguageModel, string>;
  readonly completion: (model: string) => Exclude<LanguageModel, string>;
  readonly embedding: (model: string) => Exclude<EmbeddingModel, string>;
}

const FORECAST = z.object({ city: z.string(), days: z.number() });

const tools = {
  weather: tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => WEATHER[city] ?? 'unknown',
  }),
};

type AiSdkOperations = Omit<SdkOperations, 'moderate' | 'models' | 'model'>;

export function operateAiSdk({ chat, completion, embedding }: AiSdkModels): AiSdkOperations {
  const ask = ({ model, prompt }: Ask) => ({ model: chat(model), prompt });
  const legacy = ({ model, prompt }: Ask) => ({ model: completion(model), prompt });
  const embedAll: SdkOperations['embed'] = async ({ inputs, dimensions }: EmbedAsk) => {
    const options = { model: embedding('vectors'), ...(dimensions && { dimensions }) };
    const [value] = inputs;
    if (inputs.length === 1 && value !== undefined) return [(await embed({ ...options, value })).embedding];
    return (await embedMany({ ...options, values: [...inputs] })).embeddings;
  };
  return {
    chat: async (asked) => {
      const { text, rawFinishReason: finish, usage } = await generateText(ask(asked));
      return { text, finish, ...toTokens(usage) };
    },
    headers: async (asked) => (await generateText(ask(asked))).response.headers ?? {},
    stream: async (asked) => {
      const running = streamText(ask(asked));
      const texts = await collect(running.textStream);
      return { texts, finish: await running.rawFinishReason };
    },
    streamUsage: async (asked) => toTokens(await streamText(ask(asked)).usage),
    tools: async (asked) => {
      const { text } = await generateText({ ...ask(asked), tools, stopWhen: isStepCount(3) });
      return text;
    },
    streamTools: async (asked) => streamText({ ...ask(asked), tools, stopWhen: isStepCount(3) }).text,
    structured: async (asked) => {
      const { output } = await generateText({ ...ask(asked), output: Output.object({ schema: FORECAST }) });
      return output;
    },
    streamStructured: async (asked) => {
      const running = streamText({ ...ask(asked), output: Output.object({ schema: FORECAST }) });
      return (await collect(running.partialOutputStream)).at(-1);
    },
    image: async ({ model, prompt }, url) => {
      const content = [
        { type: 'text' as const, text: prompt },
        { type: 'file' as const, mediaType: 'image/png', data: new URL(url) },
      ];
      return (await generateText({ model: chat(model), messages: [{ role: 'user', content }] })).text;
    },
    controls: async (asked) => {
      const providerOptions = { spillway: { spillway: { cloudModelOnly: true } } };
      return (await generateText({ ...ask(asked), providerOptions })).text;
    },
    complete: async (asked) => {
      const { text, rawFinishReason: finish, usage } = await generateText(legacy(asked));
      return { text, finish, ...toTokens(usage) };
    },
    streamCompletion: async (asked) => {
      const running = streamText(legacy(asked));
      const texts = await collect(running.textStream);
      return { texts, finish: await running.rawFinishReason };
    },
    streamCompletionUsage: async (asked) => toTokens(await streamText(legacy(asked)).usage),
    embed: embedAll,
    embedFloat: embedAll,
    embedDimensions: embedAll,
    embedMany: embedAll,
    ...operateEnds(ask),
  };
}

function operateEnds(ask: (asked: Ask) => { model: LanguageModel; prompt: string }) {
  return {
    error: (asked) => errorOf(generateText({ ...ask(asked), maxRetries: 0 })),
    streamError: async (asked) => {
      const texts: string[] = [];
      let error: unknown;
      // Not thrown: a part of the stream.
      const running = streamText({ ...ask(asked), onError: (event) => void ({ error } = event) });
      for await (const text of running.textStream) texts.push(text);
      return { texts, error: toError(error) };
    },
    leave: async (asked) => {
      const controller = new AbortController();
      // Leaving the loop is not enough: the SDK reads the stream for its other results, too.
      for await (const text of streamText({ ...ask(asked), abortSignal: controller.signal }).textStream) {
        if (text !== '') break;
      }
      controller.abort();
    },
    cancel: async (asked, isAsked) => {
      const controller = new AbortController();
      const call = generateText({ ...ask(asked), abortSignal: controller.signal });
      const outcome = call.catch((error: unknown) => (error as DOMException).name);
      await isAsked.then(() => controller.abort());
      if ((await outcome) !== 'AbortError') throw new Error('the call was not aborted');
    },
    retry: async (asked) => (await generateText({ ...ask(asked), maxRetries: 1 })).text,
    noRetry: (asked) => errorOf(generateText({ ...ask(asked), maxRetries: 1 })),
  } satisfies Partial<SdkOperations>;
}

function toTokens({ inputTokens, outputTokens }: LanguageModelUsage): Tokens {
  return { inputTokens, outputTokens };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function errorOf(call: Promise<unknown>): Promise<SdkError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return toError(error);
}

function toError(error: unknown): SdkError {
  if (StreamProviderError.isInstance(error)) return { name: error.name, code: String(error.code) };
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (!APICallError.isInstance(last)) throw new Error(`expected an error of the SDK, got ${String(error)}`);
  const { error: body } = (last.data ?? {}) as {
    error?: { code?: string; type?: string; param?: string };
  };
  const { 'x-request-id': request } = last.responseHeaders ?? {};
  return { name: (error as Error).name, status: last.statusCode, request, ...body };
}
