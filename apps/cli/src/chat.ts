import { text as readText } from 'node:stream/consumers';
import type { LoadedConfig } from '#config/load-config.js';
import { resolveSecret } from '#core/config/secret.js';
import type { ModelCard } from '#core/route.js';
import { apiOrigin } from './api-origin.js';
import { chooseModel } from './choose-model.js';
import { readChatStream } from './chat-stream.js';
import { StartError } from './start-error.js';

export interface ChatOptions {
  readonly loaded: LoadedConfig;
  readonly prompt: string;
  /** Default: what the installation has for a start. */
  readonly model?: string | undefined;
  /** The answer, as it comes. */
  readonly write: (text: string) => void;
  /** What is said about it, a line each. */
  readonly note: (line: string) => void;
}

/**
 * Asks the api that runs and streams its answer, then tells who answered and how long it waited.
 *
 * @throws StartError if there is no api, or it refuses; or the stream breaks off.
 */
export async function chat({ loaded, prompt, model, write, note }: ChatOptions): Promise<void> {
  const origin = apiOrigin(loaded.config.server);
  const headers = { 'content-type': 'application/json', ...credentialOf(loaded) };
  const wanted = model ?? (await findModel(origin, headers, loaded));
  const startedAt = performance.now();
  const response = await call(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: wanted, stream: true, messages: [{ role: 'user', content: prompt }] }),
  });
  if (!response.body) throw new StartError('the api sent an empty answer');
  let firstMs: number | undefined;
  const end = await readChatStream(response.body, {
    onText: (piece) => {
      firstMs ??= performance.now() - startedAt;
      write(piece);
    },
    onComment: note,
  });
  write('\n');
  note(describeRoute(response.headers, wanted));
  const [all, ended] = [
    seconds(performance.now() - startedAt),
    end.error === undefined ? 'whole answer' : 'end',
  ];
  note(
    firstMs === undefined
      ? `${ended} after ${all}`
      : `first output after ${seconds(firstMs)}, ${ended} after ${all}`,
  );
  if (end.error !== undefined)
    throw new StartError(`${firstMs === undefined ? 'no answer' : 'the answer broke off'}: ${end.error}`);
}

/** SPILLWAY_API_KEY, else a key of the configuration, where it asks for one. */
function credentialOf({ config, environment }: LoadedConfig): Record<string, string> {
  const given = environment.variables['SPILLWAY_API_KEY']?.trim();
  const [first] = Object.values(config.applications).flatMap(({ apiKeys }) => apiKeys);
  const configured = first && resolveSecret(first, environment.variables);
  const key = given !== undefined && given !== '' ? given : configured?.kind === 'ok' ? configured.value : '';
  return key === '' ? {} : { authorization: `Bearer ${key}` };
}

async function findModel(
  origin: string,
  headers: Record<string, string>,
  { config }: LoadedConfig,
): Promise<string> {
  const response = await call(`${origin}/v1/models`, { headers });
  const { data } = (await response.json()) as { data: ModelCard[] };
  const model = chooseModel(data, config);
  if (model !== undefined) return model;
  throw new StartError(
    'no worker offers a model yet; ./spillway status shows the workers, --model NAME asks for one',
  );
}

async function call(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((error: unknown) => {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new StartError(
      `no api answers at ${new URL(url).origin} (${cause || 'no connection'}). Start it with ./spillway up, or say where it is: HOST=… PORT=… ./spillway chat …`,
    );
  });
  if (response.ok) return response;
  const body = response.body ? await readText(response.body) : '';
  const hint = response.status === 401 ? ' Set SPILLWAY_API_KEY to a key of an application.' : '';
  throw new StartError(`the api answered ${response.status}: ${errorMessage(body)}${hint}`);
}

function errorMessage(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string; code?: string } };
    return error?.message ?? 'no reason given';
  } catch {
    return 'no reason given';
  }
}

function describeRoute(headers: Headers, model: string): string {
  const of = (name: string) => headers.get(`x-spillway-${name}`);
  // After the hold window the route came as a comment.
  if (of('provider') === null) return `asked for ${model}`;
  const attempts = of('attempts') ?? '1';
  const tries = `${attempts} ${attempts === '1' ? 'attempt' : 'attempts'}`;
  return `${model}: answered by ${of('provider')}/${of('model')} (${of('location')}), ${tries}, ${of('queue-ms')} ms in the queue`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
