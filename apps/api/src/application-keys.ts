import { createHash, timingSafeEqual } from 'node:crypto';

/** Who sent a request; `application` is null where the configuration names none. */
export interface Caller {
  readonly application: string | null;
}

const BEARER = /^Bearer +(\S+) *$/i;

/**
 * The API keys of the configuration, held as SHA-256 hashes: a heap dump shows none, and hashes of equal length can
 * be compared without telling by the time taken how much of a guess was right.
 */
export class ApplicationKeys {
  readonly #entries: readonly { readonly application: string; readonly hash: Buffer }[];

  /** `keys`: the plain keys of each application. None at all opens the api to everybody. */
  constructor(keys: ReadonlyMap<string, readonly string[]>) {
    this.#entries = [...keys].flatMap(([application, plain]) =>
      plain.map((key) => ({ application, hash: hashKey(key) })),
    );
    this.isOpen = keys.size === 0;
  }

  /** No applications are configured: any bearer is accepted, and none. */
  readonly isOpen: boolean;

  /** Who sends this `Authorization` header; undefined if nobody known here does. */
  identify(authorization: string | undefined): Caller | undefined {
    if (this.isOpen) return { application: null };
    const key = BEARER.exec(authorization ?? '')?.[1];
    if (key === undefined) return undefined;
    const hash = hashKey(key);
    let found: Caller | undefined;
    // Goes through all of them whatever matches: the time taken must not tell where in the list a key stands.
    for (const entry of this.#entries) {
      if (timingSafeEqual(entry.hash, hash)) found = { application: entry.application };
    }
    return found;
  }
}

function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
