import type { ServerResponse } from 'node:http';
import type { Exchange } from './exchange.js';

/** How long a client may take to read that its request was cut short, ms. */
const FAREWELL_MS = 1_000;

/** The exchanges of this process, so that it can end them in good order. */
export class InFlight {
  private readonly exchanges = new Set<Exchange>();
  private draining = false;
  private onEmpty: (() => void) | undefined;

  /** No new requests are taken: this process is on its way out. */
  get isDraining(): boolean {
    return this.draining;
  }

  get count(): number {
    return this.exchanges.size;
  }

  /** It turned out that another exchange answers its client. */
  remove(exchange: Exchange): void {
    this.exchanges.delete(exchange);
  }

  /** `raw`: its response; the exchange is in flight until the last byte of that was taken, or nobody takes it. */
  add(exchange: Exchange, raw: ServerResponse): void {
    if (raw.destroyed) return;
    this.exchanges.add(exchange);
    raw.once('close', () => {
      this.exchanges.delete(exchange);
      if (this.exchanges.size === 0) this.onEmpty?.();
    });
  }

  /** Lets what runs finish, for at most `limitMs`; the rest is cut short. Resolves when nothing is left. */
  async drain(limitMs: number): Promise<void> {
    this.draining = true;
    if (await this.isEmptyWithin(limitMs)) return;
    for (const exchange of this.exchanges) exchange.cutShort('stopped');
    await this.isEmptyWithin(FAREWELL_MS);
  }

  private async isEmptyWithin(ms: number): Promise<boolean> {
    if (this.exchanges.size === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.onEmpty = () => resolve(true);
    const isEmpty = await promise;
    clearTimeout(timer);
    return isEmpty;
  }
}
