const OLLAMA_PORT = 11434;

/**
 * The server's root from `OLLAMA_HOST`, which Ollama's server and client share: `[scheme://]host[:port]`, each part
 * optional. A server that listens everywhere is reached on loopback.
 */
export function ollamaUrl(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const [, scheme = '', rest = ''] = /^(?:(https?):\/\/)?(.*)$/i.exec(host) ?? [];
  const named = /^(:|$)/.test(rest) ? `127.0.0.1${rest}` : rest;
  const text = `${scheme === '' ? 'http' : scheme}://${named}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const port = url.port || /:(80|443)\/*$/.exec(named)?.[1] || (scheme === '' ? OLLAMA_PORT : '');
  const name = ['0.0.0.0', '[::]'].includes(url.hostname) ? '127.0.0.1' : url.hostname;
  return `${url.protocol}//${name}${port === '' ? '' : `:${port}`}${url.pathname.replace(/\/+$/, '')}`;
}
