// The api of the naive broker. Arguments: port, URL of Redis.
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { Queue, QueueEvents } from 'bullmq';
import { fastify } from 'fastify';
import { Redis } from 'ioredis';

const [, , port, redisUrl = ''] = process.argv;
const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
const subscriber = redis.duplicate();
const queue = new Queue('chat', {
  connection: redis,
  // Kept for a while: `waitUntilFinished` must still find a job that ended before it looked.
  defaultJobOptions: { removeOnComplete: { count: 1_000 }, removeOnFail: { count: 1_000 } },
});
const queueEvents = new QueueEvents('chat', { connection: redis.duplicate() });
queue.setMaxListeners(0);
queueEvents.setMaxListeners(0);
await queueEvents.waitUntilReady();

const streams = new Map<string, PassThrough>();
subscriber.on('message', (channel, message) => {
  const stream = streams.get(channel);
  if (message === '') stream?.end();
  else stream?.write(message);
});

const app = fastify({ bodyLimit: 32 * 1024 * 1024 });
app.post<{ Body: { stream?: boolean } }>('/v1/chat/completions', async ({ body }, reply) => {
  if (body.stream !== true) {
    const job = await queue.add('chat', { body });
    return job.waitUntilFinished(queueEvents);
  }
  const channel = `stream:${randomUUID()}`;
  const stream = new PassThrough();
  streams.set(channel, stream);
  stream.once('close', () => {
    streams.delete(channel);
    void subscriber.unsubscribe(channel);
  });
  await subscriber.subscribe(channel);
  const job = await queue.add('chat', { body, channel });
  // Says nothing of what was published: the end of that is an empty message of its own.
  job.waitUntilFinished(queueEvents).catch((error: Error) => stream.destroy(error));
  return reply.header('content-type', 'text/event-stream').send(stream);
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
