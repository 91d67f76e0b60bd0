import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { pino } from 'pino';
import { Broker } from '#broker/broker.js';
import { parseConfig } from '#core/config/parse-config.js';
import { ApiSettings } from '../api-settings.js';
import { ApplicationKeys } from '../application-keys.js';
import { createApi } from '../create-api.js';

export interface TestApiOptions {
  readonly redis: { readonly url: string; readonly prefix: string };
  /** Sections of the configuration file; two providers and the model `m` on both of them are there already. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Keys by application; none opens the api. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly drainMs?: number;
  readonly stallMs?: number;
}

export interface TestApi {
  readonly port: number;
  readonly url: string;
  readonly broker: Broker;
  /** What was logged so far, one object a line. */
  readonly logged: () => Record<string, unknown>[];
  /** Every route that was registered. */
  readonly routes: () => { readonly method: string; readonly path: string }[];
  /** Bytes that wait to be taken, by connection. */
  readonly buffered: () => number[];
  readonly close: () => Promise<void>;
}

/** An api in this process, on a free port of loopback, with a real broker. */
export async function startTestApi({
  redis,
  config = {},
  keys = {},
  drainMs,
  stallMs,
}: TestApiOptions): Promise<TestApi> {
  const applications = Object.fromEntries(Object.keys(keys).map((name) => [name, { apiKeys: ['x'] }]));
  const parsed = parseConfig({ redis, providers: PROVIDERS, models: MODELS, applications, ...config }, {});
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const hashed = Object.entries(keys).map(([application, key]) => ({
    application,
    keyHash: createHash('sha256').update(key).digest('hex'),
  }));
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const broker = new Broker({ redis: parsed.config.redis, allowVolatile: false, log });
  await broker.start();
  const settings = new ApiSettings(
    parsed.config,
    new ApplicationKeys(hashed, hashed.length === 0),
    log,
    drainMs,
    stallMs,
  );
  const app = await createApi(settings, broker);
  const fastify = app.getHttpAdapter().getInstance();
  const sockets = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const url = await fastify.listen({ host: '127.0.0.1', port: 0 });
  let closed: Promise<void> | undefined;
  return {
    port: Number(new URL(url).port),
    url,
    broker,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    routes: () => readRoutes(fastify.printRoutes()),
    buffered: () => [...sockets].map(({ writableLength }) => writableLength),
    close: () => (closed ??= app.close()),
  };
}

/** Reads Fastify's own list, `└── /v1/models (GET, HEAD)`: what it serves, whoever registered it. */
function readRoutes(printed: string): { method: string; path: string }[] {
  const paths: string[] = [];
  return printed.split('\n').flatMap((line) => {
    const match = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
    if (!match) return [];
    const [, indent = '', part = '', methods = ''] = match;
    const depth = indent.length / 4;
    paths[depth] = (depth === 0 ? '' : (paths[depth - 1] ?? '')) + part;
    const path = paths[depth] ?? '';
    return methods === '' ? [] : methods.split(', ').map((method) => ({ method, path }));
  });
}

export const PROVIDERS = {
  box: { kind: 'openai-compatible', location: 'local', baseUrl: 'http://127.0.0.1:9/v1' },
  cloud: { kind: 'openai-compatible', location: 'cloud', baseUrl: 'http://127.0.0.1:9/v1' },
};

const MODELS = {
  m: {
    targets: [
      { provider: 'box', model: 'meta/m' },
      { provider: 'cloud', model: 'm-4' },
    ],
  },
  'org/with-slash': { targets: [{ provider: 'box' }] },
};
