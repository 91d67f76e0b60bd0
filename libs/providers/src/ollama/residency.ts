import { normalizeName } from './model-name.js';

/** An answer this young is as good as a new one, ms. */
const FRESH_MS = 500;

/**
 * Which models are in the memory of an Ollama. A call to one that is not has to wait until it is loaded, so it gets more
 * time for its first output.
 */
export class Residency {
  private loaded: readonly string[] | undefined;
  private askedAt = -Infinity;
  private asking: Promise<void> | undefined;
  /** Calls of ours that wait for a model to be loaded: Ollama lists it from the beginning of its loading. */
  private readonly waiting = new Map<string, number>();

  /** @param ask the names of the loaded models; undefined where nobody can say */
  constructor(private readonly ask: () => Promise<readonly string[] | undefined>) {}

  /** In the order of Ollama's list, as last seen. Undefined: it never said. */
  get names(): readonly string[] | undefined {
    return this.loaded;
  }

  /** Asks anew. Never rejects. */
  async refresh(): Promise<void> {
    this.asking ??= this.ask()
      .then((names) => {
        this.loaded = names;
        this.askedAt = performance.now();
      })
      .finally(() => (this.asking = undefined));
    await this.asking;
  }

  /** Is the model loaded, as far as anybody knows? Undefined where Ollama does not say. */
  async isLoaded(model: string): Promise<boolean | undefined> {
    const name = normalizeName(model);
    if (this.waiting.has(name)) return false;
    if (performance.now() - this.askedAt > FRESH_MS) await this.refresh();
    return this.loaded?.some((each) => normalizeName(each) === name);
  }

  /** A call waits for the model to be loaded; answers what to call when it waits no more. */
  beginLoading(model: string): () => void {
    const name = normalizeName(model);
    this.waiting.set(name, (this.waiting.get(name) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const rest = (this.waiting.get(name) ?? 1) - 1;
      if (rest > 0) this.waiting.set(name, rest);
      else this.waiting.delete(name);
    };
  }
}
