import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collectCall, turnLoop } from '../../../../test/support/collect-call.js';
import { startUpstream } from '../../../../test/support/upstream.js';
import type { Upstream } from '../../../../test/support/upstream.js';
import { answer, drop } from '../../../../test/support/upstream-behaviours.js';
import { OpenAiCompatibleProvider } from './openai-compatible-provider.js';

const LOST = { kind: 'disconnect', code: 'ECONNRESET' };

describe('a connection that fails', () => {
  let provider: OpenAiCompatibleProvider;
  let server: Server | undefined;
  let upstream: Upstream;
  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(async () => {
    await provider.close();
    await upstream.close();
    server?.close();
    server = undefined;
  });

  /** A TCP server that is no HTTP server. */
  async function listen(greeting: string): Promise<number> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(greeting));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('is refused: nothing was sent', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'gone', baseUrl: upstream.baseUrl });
    await upstream.close();
    expect((await collectCall(provider)).end).toEqual({
      ok: false,
      aborted: false,
      phase: 'not_sent',
      facts: { kind: 'connect', code: 'ECONNREFUSED' },
    });
  });

  it('finds no TLS: nothing was sent', async () => {
    provider = new OpenAiCompatibleProvider({
      name: 'tls',
      baseUrl: `https://127.0.0.1:${await listen('no TLS here')}/v1`,
    });
    const { end } = await collectCall(provider);
    expect(end).toMatchObject({
      phase: 'not_sent',
      facts: { kind: 'connect', code: expect.stringMatching(/^[A-Z_]+$/) },
    });
  });

  it('finds no HTTP', async () => {
    provider = new OpenAiCompatibleProvider({
      name: 'smtp',
      baseUrl: `http://127.0.0.1:${await listen('220 mail ESMTP\r\n')}/v1`,
    });
    expect((await collectCall(provider)).end).toMatchObject({
      phase: 'possibly_accepted',
      facts: { kind: 'malformed', reason: 'the response is not valid HTTP' },
    });
  });

  it('is kept alive and dies at its next use: the call may have been accepted', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'stale', baseUrl: upstream.baseUrl });
    upstream.script(answer('one'), drop());
    expect((await collectCall(provider)).end.ok).toBe(true);
    await turnLoop();
    expect((await collectCall(provider)).end).toMatchObject({ phase: 'possibly_accepted', facts: LOST });
    expect(upstream.calls.map((call) => call.connection)).toEqual([1, 1]);
  });

  it('is not made any more once the provider is closed', async () => {
    provider = new OpenAiCompatibleProvider({ name: 'closed', baseUrl: upstream.baseUrl });
    await provider.close();
    expect((await collectCall(provider)).end).toMatchObject({
      ok: false,
      phase: 'not_sent',
      facts: { kind: 'connect' },
    });
    expect(upstream.calls).toHaveLength(0);
  });
});
