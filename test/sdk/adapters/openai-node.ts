import type OpenAI from 'openai';
import type { APIError } from 'openai';
import { z } from 'zod';
import { WEATHER } from '../features.js';
import type { Ask, SdkError, SdkOperations, Spoken, Tokens } from '../features.js';

/** Of one major version of the SDK. */
export interface OpenAiNode {
  readonly client: OpenAI;
  /** Its `helpers/zod`. */
  readonly responseFormat: (schema: typeof FORECAST, name: string) => ResponseFormat;
}

type ResponseFormat = ReturnType<typeof import('openai/helpers/zod').zodResponseFormat<typeof FORECAST>>;
type Messages = OpenAI.ChatCompletionMessageParam[];
type ToolCall = OpenAI.ChatCompletionMessageToolCall;

const FORECAST = z.object({ city: z.string(), days: z.number() });

const TOOLS: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

export function operateOpenAiNode({ client, responseFormat }: OpenAiNode): SdkOperations {
  const { completions } = client.chat;
  const embed: SdkOperations['embed'] = async ({ inputs, encoding, dimensions }) => {
    const options = { ...(encoding && { encoding_format: encoding }), ...(dimensions && { dimensions }) };
    const input = inputs.length === 1 ? String(inputs[0]) : [...inputs];
    const { data } = await client.embeddings.create({ model: 'vectors', input, ...options });
    return data.map(({ embedding }) => embedding);
  };
  return {
    ...operateChat({ client, responseFormat }),
    complete: async (ask) => {
      const { choices, usage } = await client.completions.create(ask);
      return toSpoken(choices[0]?.text, choices[0]?.finish_reason, usage);
    },
    streamCompletion: async (ask) => {
      const chunks = await collect(await client.completions.create({ ...ask, stream: true }));
      const texts = chunks.flatMap(({ choices }) => choices[0]?.text || []);
      return { texts, finish: chunks.at(-1)?.choices[0]?.finish_reason };
    },
    streamCompletionUsage: async (ask) => {
      const chunks = await collect(await client.completions.create({ ...ask, stream: true }));
      return toTokens(chunks.at(-1)?.usage);
    },
    embed,
    embedFloat: embed,
    embedDimensions: embed,
    embedMany: embed,
    moderate: async ({ model, prompt }) => {
      const { results } = await client.moderations.create({ model, input: prompt });
      return results[0]?.flagged === true;
    },
    models: async () => (await collect(client.models.list())).map(({ id }) => id),
    model: async (id) => (await client.models.retrieve(id)).id,
    error: (ask) => errorOf(completions.create(toBody(ask), { maxRetries: 0 })),
    streamError: async (ask) => {
      const texts: string[] = [];
      const read = async () => {
        const chunks = await completions.create({ ...toBody(ask), stream: true });
        for await (const { choices } of chunks) texts.push(choices[0]?.delta.content ?? '');
      };
      const error = await errorOf(read());
      return { texts: texts.filter(Boolean), error };
    },
    leave: async (ask) => {
      const chunks = await completions.create({ ...toBody(ask), stream: true });
      for await (const { choices } of chunks) if (choices[0]?.delta.content) break;
    },
    cancel: async (ask, asked) => {
      const controller = new AbortController();
      const call = completions.create(toBody(ask), { signal: controller.signal });
      await Promise.all([errorOf(call), asked.then(() => controller.abort())]);
    },
    retry: async (ask) => {
      const { choices } = await completions.create(toBody(ask), { maxRetries: 1 });
      return choices[0]?.message.content ?? '';
    },
    noRetry: (ask) => errorOf(completions.create(toBody(ask), { maxRetries: 1 })),
  };
}

type ChatOperations = Pick<
  SdkOperations,
  | 'chat'
  | 'headers'
  | 'stream'
  | 'streamUsage'
  | 'tools'
  | 'streamTools'
  | 'structured'
  | 'streamStructured'
  | 'image'
  | 'controls'
>;

function operateChat({ client, responseFormat }: OpenAiNode): ChatOperations {
  const { completions } = client.chat;
  const format = () => ({ response_format: responseFormat(FORECAST, 'forecast') });
  return {
    chat: async (ask) => {
      const { choices, usage } = await completions.create(toBody(ask));
      return toSpoken(choices[0]?.message.content, choices[0]?.finish_reason, usage);
    },
    headers: async (ask) => {
      const { response, request_id: id } = await completions.create(toBody(ask)).withResponse();
      return { ...Object.fromEntries(response.headers), 'x-request-id': String(id) };
    },
    stream: async (ask) => {
      const chunks = await collect(await completions.create({ ...toBody(ask), stream: true }));
      const texts = chunks.flatMap(({ choices }) => choices[0]?.delta.content || []);
      return { texts, finish: chunks.at(-1)?.choices[0]?.finish_reason ?? undefined };
    },
    streamUsage: async (ask) => {
      const body = { ...toBody(ask), stream: true as const, stream_options: { include_usage: true } };
      const chunks = await collect(await completions.create(body));
      return toTokens(chunks.at(-1)?.usage);
    },
    tools: (ask) =>
      useTools(ask, async (messages) => {
        const { choices } = await completions.create({ model: ask.model, messages, tools: TOOLS });
        return choices[0]?.message;
      }),
    streamTools: (ask) =>
      useTools(ask, (messages) =>
        completions.stream({ model: ask.model, messages, tools: TOOLS }).finalMessage(),
      ),
    structured: async (ask) => {
      const { choices } = await completions.parse({ ...toBody(ask), ...format() });
      return choices[0]?.message.parsed;
    },
    streamStructured: async (ask) => {
      const running = completions.stream({ ...toBody(ask), ...format() });
      return (await running.finalChatCompletion()).choices[0]?.message.parsed;
    },
    image: async ({ model, prompt }, url) => {
      const content = [
        { type: 'text' as const, text: prompt },
        { type: 'image_url' as const, image_url: { url } },
      ];
      const { choices } = await completions.create({ model, messages: [{ role: 'user', content }] });
      return choices[0]?.message.content ?? '';
    },
    controls: async (ask) => {
      const controls = { spillway: { cloudModelOnly: true } };
      const { choices } = await completions.create({ ...toBody(ask), ...controls });
      return choices[0]?.message.content ?? '';
    },
  };
}

/** Asks until the answer calls no more tools. */
async function useTools(
  { prompt }: Ask,
  ask: (messages: Messages) => Promise<OpenAI.ChatCompletionMessage | undefined>,
): Promise<string> {
  const messages: Messages = [{ role: 'user', content: prompt }];
  for (;;) {
    const message = await ask(messages);
    if (!message?.tool_calls?.length) return message?.content ?? '';
    messages.push(message, ...message.tool_calls.map(toResult));
  }
}

function toResult(call: ToolCall): OpenAI.ChatCompletionToolMessageParam {
  if (call.type !== 'function') throw new Error(`no such tool: ${call.type}`);
  const { city } = JSON.parse(call.function.arguments) as { city: string };
  return { role: 'tool', tool_call_id: call.id, content: WEATHER[city] ?? 'unknown' };
}

function toBody({ model, prompt }: Ask): { model: string; messages: Messages } {
  return { model, messages: [{ role: 'user', content: prompt }] };
}

function toSpoken(
  text: string | null | undefined,
  finish: string | null | undefined,
  usage: OpenAI.CompletionUsage | null | undefined,
): Spoken {
  return { text: text ?? '', finish: finish ?? undefined, ...toTokens(usage) };
}

function toTokens(usage: OpenAI.CompletionUsage | null | undefined): Tokens {
  return { inputTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The error of a call that must fail; LangChain gives the errors of this SDK, too. */
export async function errorOf(call: Promise<unknown>): Promise<SdkError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error(`expected an error, got ${String(error)}`);
  const { status, code, type, param, requestID } = error as Error & Partial<APIError>;
  return {
    name: error.constructor.name,
    status,
    code: code ?? undefined,
    type,
    param: param ?? undefined,
    request: requestID ?? undefined,
  };
}
