import type { CallFacts } from '#core/failure.js';
import { toConnectionFacts } from '../http/exchange.js';
import { readRefusal } from '../http/read-refusal.js';
import { readUpstreamError, toStatusFacts } from '../http/upstream-error.js';
import { isRecord, parseJson } from '../json.js';
import type { ProviderLog } from '../provider.js';
import { LineReader } from './line-reader.js';
import { isOfLibrary, normalizeName } from './model-name.js';
import type { OllamaServer } from './ollama-server.js';

/** Ollama tells of its progress several times a second; silence for this long is the end of a pull, ms. */
const SILENCE_MS = 120_000;
/** How often the progress is logged, ms. */
const LOG_MS = 10_000;
const MAX_LINE_LENGTH = 64 * 1024;

export interface PullOptions {
  /** The provider's name, for the log. */
  readonly provider: string;
  /** `true`: whatever is asked for, from Ollama's library; a list: these, wherever they are. */
  readonly allowed: boolean | readonly string[];
  readonly server: OllamaServer;
  readonly log: ProviderLog;
}

/** How a pull ended: with the model there, or why not. */
export type Pulled = { readonly ok: true } | { readonly ok: false; readonly facts: CallFacts };

/** Fetches models that an Ollama does not have: one pull for each model at a time, whoever waits for it. */
export class Pulls {
  private readonly running = new Map<string, Promise<Pulled>>();
  private readonly pulledAt = new Map<string, number>();
  private readonly closing = new AbortController();

  constructor(private readonly options: PullOptions) {}

  /** May the model be fetched? */
  allows(model: string): boolean {
    const { allowed } = this.options;
    if (typeof allowed === 'boolean') return allowed && isOfLibrary(model);
    return allowed.some((name) => normalizeName(name) === normalizeName(model));
  }

  /**
   * Fetches the model, or waits with those who wait for it already. It goes on when nobody waits any more.
   * @param missedAt when it was found missing (on the `performance.now` clock): it may have come since
   */
  async pull(model: string, missedAt: number): Promise<Pulled> {
    const name = normalizeName(model);
    const known = this.running.get(name);
    if (known) return known;
    if ((this.pulledAt.get(name) ?? -Infinity) >= missedAt) return { ok: true };
    const pull = this.carryOut(model).finally(() => this.running.delete(name));
    this.running.set(name, pull);
    return pull;
  }

  close(): void {
    this.closing.abort();
  }

  private async carryOut(model: string): Promise<Pulled> {
    const { provider, log } = this.options;
    log.info({ provider, model }, 'pulling a model that is asked for');
    const pulled = await this.read(model);
    if (pulled.ok) this.pulledAt.set(normalizeName(model), performance.now());
    if (pulled.ok) log.info({ provider, model }, 'the model is there');
    else log.warn({ provider, model, why: reasonOf(pulled.facts) }, 'the model could not be pulled');
    return pulled;
  }

  private async read(model: string): Promise<Pulled> {
    const { server } = this.options;
    const { secrets } = server;
    const exchange = server.post('/api/pull', { model, stream: true }, this.closing.signal);
    const reader = new LineReader(MAX_LINE_LENGTH);
    const progress = this.progressOf(model);
    try {
      for (;;) {
        const event = await exchange.next(performance.now() + SILENCE_MS);
        switch (event.kind) {
          case 'head': {
            const facts = await readRefusal(exchange, event, secrets);
            if (facts) return { ok: false, facts };
            break;
          }
          case 'data':
          case 'end': {
            const lines = event.kind === 'data' ? reader.feed(event.bytes) : reader.end();
            for (const line of lines.map(parseJson)) {
              const pulled = isRecord(line) ? readLine(line, secrets) : undefined;
              if (pulled) return pulled;
              if (isRecord(line)) progress(line);
            }
            if (event.kind === 'end') return { ok: false, facts: { kind: 'truncated' } };
            break;
          }
          case 'error':
            return { ok: false, facts: toConnectionFacts(event.code, exchange.phase) };
          case 'timeout':
          case 'aborted':
            return { ok: false, facts: { kind: 'disconnect', code: 'ETIMEDOUT' } };
        }
      }
    } finally {
      exchange.close();
    }
  }

  private progressOf(model: string): (line: Readonly<Record<string, unknown>>) => void {
    const { provider, log } = this.options;
    let nextAt = performance.now() + LOG_MS;
    return ({ total, completed }) => {
      if (typeof total !== 'number' || typeof completed !== 'number' || performance.now() < nextAt) return;
      nextAt = performance.now() + LOG_MS;
      log.info(
        { provider, model, percent: Math.floor((100 * completed) / Math.max(1, total)) },
        'still pulling',
      );
    };
  }
}

/** The end of a pull, if the line says so. That there is no such model comes inside a 200. */
function readLine(line: Readonly<Record<string, unknown>>, secrets: readonly string[]): Pulled | undefined {
  if (line['error'])
    return { ok: false, facts: toStatusFacts(readUpstreamError(line), secrets, { status: 404 }) };
  return line['status'] === 'success' ? { ok: true } : undefined;
}

/** Ours alone: words of an upstream do not go into the log. */
function reasonOf(facts: CallFacts): string {
  switch (facts.kind) {
    case 'status':
      return String(facts.status);
    case 'connect':
    case 'disconnect':
      return facts.code;
    case 'timeout':
    case 'truncated':
    case 'malformed':
    case 'no_credential':
    case 'preparing':
      return facts.kind;
  }
}
