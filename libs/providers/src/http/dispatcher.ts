import { EnvHttpProxyAgent, Pool } from 'undici';
import type { Dispatcher } from 'undici';

/** The proxy variables of an environment: HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in lower case first. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface DispatcherOptions {
  /** The upstream; only its scheme, host and port matter here. */
  readonly url: URL;
  /** Sockets at once. Default: no limit of our own, as the provider's concurrency bounds the calls. */
  readonly connections?: number | undefined;
  readonly environment?: ProxyEnvironment | undefined;
}

/** To a host that does not answer. Shorter than the first-token time, so that the next target gets its chance. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The connections to one upstream: a plain pool, or the way through the proxy that the environment names for its
 * scheme. HTTP/1.1 only, so that a cancelled call closes a socket and touches no other call.
 * Throws where the proxy variable is not a URL.
 */
export function createDispatcher({ url, connections, environment }: DispatcherOptions): Dispatcher {
  const options = {
    allowH2: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(connections !== undefined && { connections }),
  };
  const proxy = findProxy(url, environment ?? {});
  if (!proxy) return new Pool(url.origin, options);
  return new EnvHttpProxyAgent({
    ...options,
    // Empty strings, because what is left undefined the agent would read from the process's own environment.
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: read(environment ?? {}, 'no_proxy') ?? '',
    requestTls: { allowH2: false },
  });
}

function findProxy(url: URL, environment: ProxyEnvironment): string | undefined {
  // A proxy could not reach our own loopback; its loopback is another machine's.
  if (isLoopback(url.hostname)) return undefined;
  const proxy = read(environment, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  return proxy && !proxy.includes('://') ? `http://${proxy}` : proxy;
}

function read(environment: ProxyEnvironment, name: string): string | undefined {
  return environment[name] || environment[name.toUpperCase()] || undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
