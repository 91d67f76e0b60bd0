import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LiveCall } from '../upstream-call.js';
import type { Behaviour } from '../upstream-behaviours.js';
import { json } from '../upstream-behaviours.js';
import type { Gate } from '../upstream-gate.js';
import { Upstream } from '../upstream.js';
import { ollamaAnswer, ollamaEmbeddings, ollamaError } from './ollama-answers.js';

/** A model as the server has it, or could pull it. */
export interface WireModel {
  /** What loading it takes, ms. Default: 0. */
  readonly loadMs?: number;
  /** Loading it waits for a pass. */
  readonly loadGate?: Gate;
  /** Default: true. */
  readonly tools?: boolean;
  /** `levels`: how much; `switch`: on or off. Default: `switch`. */
  readonly thinking?: 'levels' | 'switch' | 'none';
  /** It is only passed on to this host. */
  readonly remoteHost?: string;
}

/**
 * An Ollama on loopback, in its own wire format: it has models, loads them on their first call, says which are loaded,
 * and pulls others. What a call of a model it has is answered with, a test scripts as with any `Upstream`.
 */
export class OllamaWire extends Upstream {
  /** What it has, by its own name. */
  readonly models = new Map<string, WireModel>();
  /** What it can pull. */
  readonly library = new Map<string, WireModel>();
  /** What was pulled, or tried to be, in the order of the requests. */
  readonly pulls: string[] = [];
  /** Holds pulls up before their end. */
  pullGate: Gate | undefined;
  /** Any other name is that of a model, too. */
  hasAnyModel = false;
  /** What `/api/ps` does in place of its list. */
  psBehaviour: Behaviour | undefined;
  private tags: Behaviour | undefined;
  private readonly loading = new Map<string, Promise<void>>();

  constructor(server: Server) {
    super(server);
    this.otherwise((call) =>
      call.record.path.endsWith('/api/embed') ? ollamaEmbeddings()(call) : ollamaAnswer()(call),
    );
  }

  /** `http://127.0.0.1:<port>` */
  override get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What `GET /api/tags` does from now on, in place of its list. */
  override scriptModels(behaviour: Behaviour): void {
    this.tags = behaviour;
  }

  /** As if it had been pulled, or with `loaded` called already. */
  add(name: string, model: WireModel = {}, { loaded = false } = {}): void {
    this.models.set(fullName(name), model);
    if (loaded) this.loading.set(fullName(name), Promise.resolve());
  }

  /** Out of its memory. */
  unload(name: string): void {
    this.loading.delete(fullName(name));
  }

  /** The n-th pull, from 1. */
  async waitForPull(number: number): Promise<string> {
    return this.waitFor(() => this.pulls[number - 1], `pull ${number}`, 5_000);
  }

  protected override isModelCall(path: string): boolean {
    return /\/api\/(chat|generate|embed)$/.test(path);
  }

  protected override async answerOther(call: LiveCall, method: string, path: string): Promise<void> {
    if (method === 'GET' && path.endsWith('/api/tags')) {
      this.modelCalls++;
      await (this.tags ?? json({ models: [...this.models].map(describe) }))(call);
    } else if (method === 'GET' && path.endsWith('/api/ps')) {
      // A model is in the list from the beginning of its loading.
      const loaded = [...this.models].filter(([name]) => this.loading.has(name));
      await (this.psBehaviour ?? json({ models: loaded.map(describe) }))(call);
    } else if (method === 'POST' && path.endsWith('/api/pull')) await this.pull(call);
    else call.response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found');
  }

  protected override async perform(call: LiveCall, behaviour: Behaviour): Promise<void> {
    const { model = '', json: body = {} } = call.record;
    const name = fullName(model);
    const known = this.models.get(name) ?? (this.hasAnyModel ? {} : undefined);
    if (!known) return ollamaError(404, `model '${model}' not found`)(call);
    const refusal = refuse(known, body, model);
    if (refusal !== undefined) return ollamaError(400, refusal)(call);
    await call.unlessClosed(this.load(name, known, call));
    if (!call.closed.aborted) await behaviour(call);
  }

  private load(name: string, { loadMs = 0, loadGate }: WireModel, { closed }: LiveCall): Promise<void> {
    const begun = this.loading.get(name);
    if (begun) return begun;
    const waits = loadGate
      ? loadGate.pass(closed)
      : new Promise<void>((resolve) => setTimeout(resolve, loadMs));
    this.loading.set(name, waits);
    return waits;
  }

  private async pull(call: LiveCall): Promise<void> {
    const name = String(call.record.json?.['model']);
    this.pulls.push(name);
    this.changed();
    const line = (value: object) => call.write(`${JSON.stringify(value)}\n`);
    call.response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    await line({ status: 'pulling manifest' });
    const found = this.library.get(name);
    if (!found) return call.end(`${JSON.stringify({ error: 'pull model manifest: file does not exist' })}\n`);
    const part = { status: 'pulling dde5aa3fc5ff', digest: 'sha256:dde5aa3fc5ff', total: 2_019_377_376 };
    await line({ ...part, completed: 241_970 });
    await this.pullGate?.pass(call.closed);
    if (call.closed.aborted) return;
    await line({ ...part, completed: part.total });
    this.add(name, found);
    await line({ status: 'verifying sha256 digest' });
    await call.end(`${JSON.stringify({ status: 'success' })}\n`);
  }
}

/** Starts an Ollama on a free port of 127.0.0.1, or on `port`, with these models. */
export async function startOllama(
  models: Readonly<Record<string, WireModel>> = { 'llama3.2': {} },
  { port = 0 } = {},
): Promise<OllamaWire> {
  const server = createServer({ keepAliveTimeout: 60_000 });
  const wire = new OllamaWire(server);
  for (const [name, model] of Object.entries(models)) wire.add(name, model);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return wire;
}

function fullName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
}

function describe([name, { remoteHost }]: readonly [string, WireModel]): object {
  return {
    name,
    model: name,
    modified_at: '2026-11-20T10:00:00Z',
    size: 2_019_393_189,
    digest: 'a80c4f17acd5',
    details: { format: 'gguf', family: 'llama', parameter_size: '3.2B', quantization_level: 'Q4_K_M' },
    ...(remoteHost !== undefined && { remote_model: name, remote_host: remoteHost }),
  };
}

/** Why the model cannot take the request, in Ollama's words. */
function refuse(model: WireModel, body: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const { tools = true, thinking = 'switch' } = model;
  const { think } = body;
  if (!tools && Array.isArray(body['tools']))
    return `registry.ollama.ai/library/${name} does not support tools`;
  if (thinking === 'none' && think !== undefined && think !== false)
    return `"${name}" does not support thinking`;
  if (thinking === 'switch' && typeof think === 'string') {
    return `think value "${think}" is not supported for this model`;
  }
  return undefined;
}
