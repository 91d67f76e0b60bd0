import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';

describe('a provider behind a proxy', () => {
  let upstream: Upstream;
  let proxy: Server;
  let provider: OpenAiCompatibleProvider | undefined;
  /** What the proxy was asked for: `POST http://…` or `CONNECT host:port`. */
  let asked: string[];

  beforeEach(async () => {
    upstream = await startUpstream();
    asked = [];
    // Whatever host is asked for, the scripted upstream answers.
    proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const { pathname } = new URL(request.url ?? '');
      const { method, headers } = request;
      const onward = forward({ port: upstream.port, path: pathname, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    proxy.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterEach(async () => {
    await provider?.close();
    proxy.close();
    proxy.closeAllConnections();
    await upstream.close();
  });

  function connect(baseUrl: string, environment: (proxyUrl: string) => Record<string, string>) {
    const host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    provider = new OpenAiCompatibleProvider({ name: 'far', baseUrl, environment: environment(host) });
    return collectCall(provider);
  }

  it.each([
    ['HTTP_PROXY', (host: string) => ({ HTTP_PROXY: `http://${host}` })],
    [
      'http_proxy before HTTP_PROXY',
      (host: string) => ({ http_proxy: `http://${host}`, HTTP_PROXY: 'http://127.0.0.1:9' }),
    ],
    ['a proxy without a scheme', (host: string) => ({ HTTP_PROXY: host })],
    ['a NO_PROXY for others', (host: string) => ({ HTTP_PROXY: host, NO_PROXY: 'example.test,.local' })],
  ])('is called through it: %s', async (_, environment) => {
    const { content, end } = await connect('http://far.invalid:81/v1', environment);
    expect(content).toBe('Hello from the upstream');
    expect(end.ok).toBe(true);
    expect(asked).toEqual(['POST http://far.invalid:81/v1/chat/completions']);
  });

  it('is reached by a tunnel where it speaks TLS; a refused tunnel has sent nothing', async () => {
    const { end } = await connect('https://far.invalid/v1', (host) => ({
      HTTPS_PROXY: host,
      HTTP_PROXY: 'http://127.0.0.1:9',
    }));
    expect(asked).toEqual(['CONNECT far.invalid:443']);
    expect(end).toMatchObject({ ok: false, phase: 'not_sent', facts: { kind: 'connect' } });
  });

  it('is called directly on our own loopback', async () => {
    const { end } = await connect(upstream.baseUrl, (host) => ({ HTTP_PROXY: host, HTTPS_PROXY: host }));
    expect(end.ok).toBe(true);
    expect(asked).toEqual([]);
  });

  // An address of this machine that does not count as loopback, so only the variables keep the proxy out.
  const nearUrl = () => `http://0.0.0.0:${upstream.port}/v1`;

  it('is called through it at an address of this machine that is not loopback', async () => {
    const { end } = await connect(nearUrl(), (host) => ({ HTTP_PROXY: host }));
    expect(end.ok).toBe(true);
    expect(asked).toEqual([`POST ${nearUrl()}/chat/completions`]);
  });

  it.each(['0.0.0.0', '*', 'a.test, 0.0.0.0', '0.0.0.0:<port>'])(
    'is called directly for NO_PROXY %s',
    async (list) => {
      const noProxy = list.replace('<port>', String(upstream.port));
      const { end } = await connect(nearUrl(), (host) => ({ HTTP_PROXY: host, no_proxy: noProxy }));
      expect(end.ok).toBe(true);
      expect(asked).toEqual([]);
    },
  );

  it('is not reached through the proxy of another scheme', async () => {
    const { end } = await connect(nearUrl(), (host) => ({ HTTPS_PROXY: host }));
    expect(end.ok).toBe(true);
    expect(asked).toEqual([]);
  });
});
