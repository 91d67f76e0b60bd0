// The worker of the naive broker. Arguments: URL of Redis, URL of the upstream, calls at once, `read` or `event`.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

interface ChatJob {
  readonly body: object;
  /** Where the chunks of a stream go; an empty one is its end. */
  readonly channel?: string;
}

const [, , redisUrl = '', upstreamUrl = '', concurrency, publish] = process.argv;
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const publisher = redis.duplicate();

async function call(body: object): Promise<Response> {
  const response = await fetch(`${upstreamUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer key-of-the-upstream' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`The upstream answered ${response.status}.`);
  return response;
}

async function* readText({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of body ?? []) yield decoder.decode(piece as Uint8Array, { stream: true });
}

async function* splitEvents(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const events = (rest + text).split(/(?<=\n\n)/);
    rest = events.at(-1)?.endsWith('\n\n') ? '' : (events.pop() ?? '');
    yield* events;
  }
}

async function relay(body: object, channel: string): Promise<void> {
  try {
    const texts = readText(await call(body));
    for await (const text of publish === 'event' ? splitEvents(texts) : texts)
      if (text !== '') await publisher.publish(channel, text);
  } catch (error) {
    await publisher.publish(channel, `data: ${JSON.stringify({ error: { message: String(error) } })}\n\n`);
    throw error;
  } finally {
    await publisher.publish(channel, '');
  }
}

const worker = new Worker<ChatJob, unknown>(
  'chat',
  async ({ data: { body, channel } }) => {
    if (channel === undefined) return (await call(body)).json();
    return relay(body, channel);
  },
  { connection: redis, concurrency: Number(concurrency) },
);
worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
