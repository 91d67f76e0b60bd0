import type { CredentialState } from '#core/fleet.js';

export interface KnownProvider {
  readonly name: string;
  /** Live workers that serve it. */
  readonly workers: number;
  readonly waiting?: number;
  readonly credential?: CredentialState;
  /** False: nobody answers at its address now. */
  readonly reachable?: boolean;
  readonly trouble?: { readonly reason: string };
  /** Present while calls to it are held back because it failed. */
  readonly breaker?: object;
  /** Models of it that asked to be left alone. */
  readonly coolDowns?: readonly { readonly model: string }[];
}

/** What is wrong with a provider and what to do about it, in one line; undefined where nothing is. */
export function noteProvider(provider: KnownProvider): string | undefined {
  const { name, workers, waiting = 0, credential, reachable, trouble, breaker, coolDowns = [] } = provider;
  if (workers === 0) {
    if (waiting === 0) return undefined;
    const wait = waiting === 1 ? '1 request waits' : `${waiting} requests wait`;
    return `${name}: ${wait}, and no worker serves it. Start one: ./spillway worker --provider ${name}`;
  }
  if (credential === 'missing')
    return `${name}: its credential is not set where its worker runs. Set the variable of its apiKey there, and restart the worker`;
  if (credential === 'rejected')
    return `${name}: it refuses our credential. Renew what its apiKey names where its worker runs, and restart the worker`;
  const reason = trouble ? ` (${trouble.reason})` : '';
  if (breaker)
    return `${name}: it failed too often${reason}; requests go elsewhere until a trial call succeeds`;
  if (trouble) return `${name}: its calls fail${reason}. See the log of its worker`;
  if (reachable === false) return `${name}: nobody answers at its address. Start it, or correct its baseUrl`;
  if (coolDowns.length === 0) return undefined;
  const models = coolDowns.map(({ model }) => model).join(', ');
  return `${name}: it has asked to be left alone for a while (${models}): it is overloaded, or its limits or those of the account are reached`;
}
