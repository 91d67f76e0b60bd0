import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallScript, UpstreamCall } from './history.js';
import type { UpstreamPoint } from './kill-points.js';
import type { RequestPlan } from './plan-requests.js';

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type Call = Mutable<UpstreamCall>;

/** Told when a call of this worker is at this point. */
export type PointListener = (worker: string, point: UpstreamPoint, request: string) => void;

const ROUTE = /^\/(worker-\d+)\/(\w+)\/v1\/(models|chat\/completions)$/;

/**
 * The upstream of a campaign: it plays what was planned for the request that a prompt names, and remembers each call
 * from its first byte to its socket's end. Each worker has a path of its own, so a call tells who made it.
 */
export class ChaosUpstream {
  readonly calls: Call[] = [];
  onPoint: PointListener = () => undefined;
  private readonly plans = new Map<string, { readonly plan: RequestPlan; calls: number }>();
  /** Workers whose calls to the first of two targets fail. */
  private readonly failing = new Set<string>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => socket.setNoDelay(true).on('error', () => undefined));
    server.on('request', (request, response) => void this.serve(request, response));
  }

  static async start(): Promise<ChaosUpstream> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const upstream = new ChaosUpstream(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return upstream;
  }

  /** Where this worker finds its providers: `<base>/<provider>/v1`. */
  baseUrlOf(worker: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${worker}`;
  }

  expect(plan: RequestPlan): void {
    this.plans.set(plan.marker, { plan, calls: 0 });
  }

  /** Makes this worker move requests on, to its end: its calls to the first of two targets fail. */
  failFirstTargets(worker: string): void {
    this.failing.add(worker);
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, worker = '', provider = '', what] = ROUTE.exec(request.url ?? '') ?? [];
    if (what === 'models') {
      const data = ['one', 'two'].map((id) => ({ id, object: 'model', created: 0, owned_by: 'chaos' }));
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ object: 'list', data }));
      return;
    }
    if (what === undefined) return void response.writeHead(404).end();
    // Its body may be cut off with its worker: it is a call from here on.
    const call = this.note(request, worker, provider);
    response.once('close', () => (call.closedAt ??= Date.now()));
    this.onPoint(worker, 'after-connect', call.request);
    const body = await readBody(request);
    call.marker = /Answer <(\w+)>/.exec(body)?.[1] ?? '';
    const known = this.plans.get(call.marker);
    if (!known || response.destroyed) return void response.destroy();
    const { plan } = known;
    const script = this.scriptOf(plan, known.calls++, worker);
    call.script = script.kind;
    call.planned = plan.tokens;
    const reach = (point: UpstreamPoint) => this.onPoint(worker, point, call.request);
    await new Answer(call, plan, script, response, reach).play(isStreamed(body));
  }

  private note({ headers }: IncomingMessage, worker: string, provider: string): Call {
    const [, request = '', epoch] = /^(req_\d+_\w+)(?:-(\d+))?$/.exec(String(headers['x-request-id'])) ?? [];
    const call: Call = {
      number: this.calls.length + 1,
      marker: '',
      request,
      epoch: epoch === undefined ? undefined : Number(epoch),
      provider,
      worker,
      script: 'answer',
      startedAt: Date.now(),
      planned: 0,
      sent: 0,
      firstAt: undefined,
      finished: false,
      closedAt: undefined,
    };
    this.calls.push(call);
    return call;
  }

  private scriptOf({ scripts, model }: RequestPlan, nth: number, worker: string): CallScript {
    if (nth === 0 && model === 'two' && this.failing.has(worker)) return { kind: 'status', status: 500 };
    return scripts[nth] ?? { kind: 'answer' };
  }
}

/** One answer under way: its tokens name the request, the call, and their place. */
class Answer {
  constructor(
    private readonly call: Call,
    private readonly plan: RequestPlan,
    private readonly script: CallScript,
    private readonly response: ServerResponse,
    private readonly reach: (point: UpstreamPoint) => void,
  ) {}

  async play(streamed: boolean): Promise<void> {
    const { script, response } = this;
    switch (script.kind) {
      case 'status':
        response.writeHead(script.status, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ error: { message: 'scripted', type: 'server_error' } }));
      case 'refuse':
        return void response.destroy();
      case 'hang':
        return;
      case 'answer':
      case 'cut':
      case 'truncate':
      case 'stall':
        return streamed ? this.stream() : this.send();
    }
  }

  private async stream(): Promise<void> {
    const { plan, response, call } = this;
    await this.pause(plan.firstMs);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    this.event({ role: 'assistant', content: '' });
    this.reach('after-headers');
    for (let index = 0; index < plan.tokens && !response.destroyed; index++) {
      if (this.breaksAt(index)) return;
      this.event({ content: this.token(index) });
      this.noteToken(index);
      await this.pause(plan.paceMs);
    }
    if (response.destroyed) return;
    this.event({}, 'stop');
    response.end('data: [DONE]\n\n');
    call.finished = true;
  }

  private async send(): Promise<void> {
    const { plan, response, call } = this;
    const content = Array.from({ length: plan.tokens }, (_, index) => this.token(index)).join('');
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    const body = JSON.stringify({ ...this.head('chat.completion'), choices, usage: this.usage });
    await this.pause(plan.firstMs + (plan.paceMs * plan.tokens) / 2);
    if (response.destroyed) return;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    response.writeHead(200, headers).flushHeaders();
    this.reach('after-headers');
    // A JSON body that was cut is no JSON: where it stops makes no difference.
    if (this.script.kind !== 'answer') return void this.breaksAt(plan.tokens, 0);
    response.write(body.slice(0, body.length / 2));
    call.firstAt = Date.now();
    this.reach('mid');
    await this.pause((plan.paceMs * plan.tokens) / 2);
    if (response.destroyed) return;
    response.end(body.slice(body.length / 2));
    call.sent = plan.tokens;
    call.finished = true;
    this.reach('last-token');
  }

  private breaksAt(index: number, after = 'after' in this.script ? this.script.after : Infinity): boolean {
    if (index < after) return false;
    if (this.script.kind === 'cut') this.response.destroy();
    if (this.script.kind === 'truncate') this.response.end();
    return true;
  }

  private noteToken(index: number): void {
    this.call.sent = index + 1;
    this.call.firstAt ??= Date.now();
    if (index === 0) this.reach('first-token');
    if (index === Math.floor(this.plan.tokens / 2) && index > 0) this.reach('mid');
    if (index === this.plan.tokens - 1) this.reach('last-token');
  }

  private token(index: number): string {
    return `${this.call.marker}/${this.call.number}/${index} `;
  }

  private event(delta: object, finish_reason: string | null = null): void {
    const choices = [{ index: 0, delta, finish_reason }];
    const usage = finish_reason === null ? {} : { usage: this.usage };
    const chunk = { ...this.head('chat.completion.chunk'), choices, ...usage };
    this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  private head(object: string): object {
    return { id: `chatcmpl-${this.call.number}`, object, created: 1_700_000_000, model: 'm' };
  }

  private get usage(): object {
    const completion_tokens = this.plan.tokens;
    return { prompt_tokens: 7, completion_tokens, total_tokens: completion_tokens + 7 };
  }

  private async pause(ms: number): Promise<void> {
    // Below a timer's grain several tokens share a tick, as they do on the wire.
    if (ms >= 1) await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** As much of the body as came. */
async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    // Its worker was killed while it wrote.
  }
  return Buffer.concat(pieces).toString();
}

function isStreamed(body: string): boolean {
  return (JSON.parse(body) as { stream?: unknown }).stream === true;
}
