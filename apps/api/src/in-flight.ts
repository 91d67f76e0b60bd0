import type { Exchange } from './exchange.js';

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

  add(exchange: Exchange): void {
    this.exchanges.add(exchange);
  }

  remove(exchange: Exchange): void {
    this.exchanges.delete(exchange);
    if (this.exchanges.size === 0) this.onEmpty?.();
  }

  /** Lets what runs finish, for at most `limitMs`; the rest is cut short. Resolves when nothing is left. */
  async drain(limitMs: number): Promise<void> {
    this.draining = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.onEmpty = resolve;
    if (this.exchanges.size === 0) return;
    const timer = setTimeout(() => {
      for (const exchange of this.exchanges) exchange.cutShort('stopped');
    }, limitMs);
    await promise;
    clearTimeout(timer);
  }
}
