import { hash as digest, timingSafeEqual } from 'node:crypto';

/** Who sent a request; `application` is null where the configuration names none. */
export interface Caller {
  readonly application: string | null;
}

const BEARER = /^Bearer +(\S+) *$/i;

/** A key by the SHA-256 of its text, in hex. */
export interface HashedKey {
  readonly application: string;
  readonly keyHash: string;
}

/**
 * The API keys of the configuration, by their hashes: a heap dump shows none, and hashes, being of one length, can be
 * compared without the time taken telling how much of a guess was right.
 */
export class ApplicationKeys {
  readonly #entries: readonly { readonly application: string; readonly hash: Buffer }[];
  readonly #isOpen: boolean;

  /** `isOpen`: no applications are configured; any bearer is accepted, and none. */
  constructor(keys: readonly HashedKey[], isOpen: boolean) {
    this.#entries = keys.map(({ application, keyHash }) => ({
      application,
      hash: Buffer.from(keyHash, 'hex'),
    }));
    this.#isOpen = isOpen;
  }

  /** Who sends this `Authorization` header; undefined if nobody known here does. */
  identify(authorization: string | undefined): Caller | undefined {
    if (this.#isOpen) return { application: null };
    const key = BEARER.exec(authorization ?? '')?.[1];
    if (key === undefined) return undefined;
    const hash = digest('sha256', key, 'buffer');
    let found: Caller | undefined;
    // Goes through all of them whatever matches: the time taken must not tell where in the list a key stands.
    for (const entry of this.#entries) {
      if (timingSafeEqual(entry.hash, hash)) found = { application: entry.application };
    }
    return found;
  }
}
