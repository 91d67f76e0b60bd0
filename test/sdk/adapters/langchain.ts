import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import type { AIMessage, BaseMessage, UsageMetadata } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { WEATHER } from '../features.js';
import type { Ask, EmbedAsk, SdkOperations } from '../features.js';
import { errorOf } from './openai-node.js';

export interface LangChainOptions {
  readonly baseURL: string;
  readonly apiKey: string;
}

const FORECAST = z.object({ city: z.string(), days: z.number() });

const weather = tool(({ city }) => WEATHER[city] ?? 'unknown', {
  name: 'weather',
  description: 'The weather of a city',
  schema: z.object({ city: z.string() }),
});

/** Without what LangChain does not show: headers, the usage of a legacy stream, moderations, models. */
type LangChainOperations = Omit<
  SdkOperations,
  'headers' | 'streamCompletionUsage' | 'moderate' | 'models' | 'model'
>;

export function operateLangChain({ baseURL, apiKey }: LangChainOptions): LangChainOperations {
  const access = { apiKey, configuration: { baseURL }, maxRetries: 1 };
  const chat = (ask: Ask) => new ChatOpenAI({ ...access, model: ask.model });
  const embed: SdkOperations['embed'] = async ({ inputs, encoding, dimensions }: EmbedAsk) => {
    const options = { ...(encoding && { encodingFormat: encoding }), ...(dimensions && { dimensions }) };
    const embeddings = new OpenAIEmbeddings({ ...access, model: 'vectors', ...options });
    const [input] = inputs;
    if (inputs.length === 1 && input !== undefined) return [await embeddings.embedQuery(input)];
    return embeddings.embedDocuments([...inputs]);
  };
  return {
    ...operateChat(chat),
    ...operateEnds(chat),
    controls: async (ask) => {
      const modelKwargs = { spillway: { cloudModelOnly: true } };
      const model = new ChatOpenAI({ ...access, model: ask.model, modelKwargs });
      return (await model.invoke(ask.prompt)).text;
    },
    complete: async ({ model, prompt }) => {
      const { generations, llmOutput } = await new OpenAI({ ...access, model }).generate([prompt]);
      const [generation] = generations.flat();
      const { promptTokens: inputTokens, completionTokens: outputTokens } = (llmOutput?.['tokenUsage'] ??
        {}) as { promptTokens?: number; completionTokens?: number };
      return { text: generation?.text ?? '', finish: finishOf(generation), inputTokens, outputTokens };
    },
    streamCompletion: async ({ model, prompt }) => {
      const texts: string[] = [];
      const callbacks = [{ handleLLMNewToken: (text: string) => void texts.push(text) }];
      const { generations } = await new OpenAI({ ...access, model, streaming: true, callbacks }).generate([
        prompt,
      ]);
      return { texts: texts.filter(Boolean), finish: finishOf(generations.flat()[0]) };
    },
    embed,
    embedFloat: embed,
    embedDimensions: embed,
    embedMany: embed,
    error: (ask) => errorOf(chat(ask).invoke(ask.prompt, { maxRetries: 0 })),
    retry: async (ask) => (await chat(ask).invoke(ask.prompt)).text,
    noRetry: (ask) => errorOf(chat(ask).invoke(ask.prompt)),
  };
}

type Chat = (ask: Ask) => ChatOpenAI;

function operateChat(chat: Chat) {
  const structured = (ask: Ask) =>
    chat(ask).withStructuredOutput(FORECAST, { name: 'forecast', method: 'jsonSchema' });
  return {
    chat: async (ask) => {
      const answer = await chat(ask).invoke(ask.prompt);
      return { text: answer.text, ...endOf(answer) };
    },
    stream: async (ask) => {
      const chunks = await collect(await chat(ask).stream(ask.prompt));
      const finish = chunks.map((chunk) => endOf(chunk).finish).find(Boolean);
      return { texts: chunks.map(({ text }) => text).filter(Boolean), finish };
    },
    streamUsage: async (ask) => {
      const { inputTokens, outputTokens } = endOf(await joined(await chat(ask).stream(ask.prompt)));
      return { inputTokens, outputTokens };
    },
    tools: (ask) => {
      const model = chat(ask).bindTools([weather]);
      return useTools(ask, (messages) => model.invoke(messages));
    },
    streamTools: (ask) => {
      const model = chat(ask).bindTools([weather]);
      return useTools(ask, async (messages) => joined(await model.stream(messages)));
    },
    structured: (ask) => structured(ask).invoke(ask.prompt),
    streamStructured: async (ask) => (await collect(await structured(ask).stream(ask.prompt))).at(-1),
    image: async (ask, url) => {
      const content = [
        { type: 'text', text: ask.prompt },
        { type: 'image_url', image_url: { url } },
      ];
      return (await chat(ask).invoke([new HumanMessage({ content })])).text;
    },
  } satisfies Partial<SdkOperations>;
}

function operateEnds(chat: Chat) {
  return {
    streamError: async (ask) => {
      const texts: string[] = [];
      const read = async () => {
        for await (const { text } of await chat(ask).stream(ask.prompt)) texts.push(text);
      };
      const error = await errorOf(read());
      return { texts: texts.filter(Boolean), error };
    },
    leave: async (ask) => {
      const controller = new AbortController();
      const chunks = await chat(ask).stream(ask.prompt, { signal: controller.signal });
      for await (const { text } of chunks) {
        if (text === '') continue;
        // Before the loop is left, which waits for the next chunk.
        controller.abort();
        break;
      }
    },
    cancel: async (ask, asked) => {
      const controller = new AbortController();
      const call = chat(ask).invoke(ask.prompt, { signal: controller.signal });
      await Promise.all([errorOf(call), asked.then(() => controller.abort())]);
    },
  } satisfies Partial<SdkOperations>;
}

/** Asks until the answer calls no more tools. */
async function useTools(
  { prompt }: Ask,
  ask: (messages: BaseMessage[]) => Promise<AIMessage>,
): Promise<string> {
  const messages: BaseMessage[] = [new HumanMessage(prompt)];
  for (;;) {
    const answer = await ask(messages);
    const { tool_calls: calls = [] } = answer;
    if (calls.length === 0) return answer.text;
    const results = await Promise.all(
      calls.map((call) =>
        weather.invoke({ ...call, args: { city: String(call.args['city']) }, type: 'tool_call' }),
      ),
    );
    messages.push(answer, ...results.filter((result) => result instanceof ToolMessage));
  }
}

interface Ended {
  readonly response_metadata: object;
  readonly usage_metadata?: UsageMetadata | undefined;
}

function endOf({ response_metadata: metadata, usage_metadata: usage }: Ended) {
  const { finish_reason: finish } = metadata as { finish_reason?: string };
  return { finish, inputTokens: usage?.input_tokens, outputTokens: usage?.output_tokens };
}

function finishOf(generation: { readonly generationInfo?: Record<string, unknown> } | undefined) {
  const { finishReason } = (generation?.generationInfo ?? {}) as { finishReason?: string };
  return finishReason;
}

async function joined<Chunk extends { concat(other: Chunk): Chunk }>(
  chunks: AsyncIterable<Chunk>,
): Promise<Chunk> {
  let whole: Chunk | undefined;
  for await (const chunk of chunks) whole = whole?.concat(chunk) ?? chunk;
  if (!whole) throw new Error('the stream was empty');
  return whole;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
