import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Child } from '../support/child.js';
import { contentOf, fetchAnswer, jsonOf, send } from '../support/client.js';
import { ComposeStack } from '../support/compose-stack.js';

/** Building from nothing fetches every package. */
const SET_UP_MS = 300_000;
const SERVICES = ['valkey', 'api', 'worker-local', 'worker-openai'] as const;
/** A provider that users add. */
const GPU_BOX =
  "  gpu-box: { kind: openai-compatible, location: local, baseUrl: 'http://10.0.0.5:8000/v1', apiKey: '${GPU_BOX_KEY}' }\n";
const NO_KEY = 'the credential of this provider is not set';

/** A fresh clone, no `.env`, no variables: what someone sees who tries it. */
describe('docker compose up in a fresh clone', () => {
  let stack: ComposeStack;

  beforeAll(async () => {
    stack = await ComposeStack.create();
    const built = performance.now();
    await stack.compose('build', '-q');
    const buildSeconds = ((performance.now() - built) / 1000).toFixed(1);
    const seconds = (await stack.up()).toFixed(1);
    process.stdout.write(`docker compose: built in ${buildSeconds} s, up and healthy in ${seconds} s\n`);
  }, SET_UP_MS);

  afterAll(() => stack.remove(), 60_000);

  it('ends with every container healthy, and none started twice', async () => {
    for (const service of SERVICES) {
      const states = await stack.containers(service);
      expect(states.map(({ status, health, restarts }) => ({ service, status, health, restarts }))).toEqual([
        { service, status: 'running', health: 'healthy', restarts: 0 },
      ]);
    }
  });

  it('opens one port, on loopback alone, and runs our processes without rights', async () => {
    const all = await Promise.all(SERVICES.map((service) => stack.containers(service)));
    expect(all.flat().flatMap(({ ports }) => ports)).toEqual([`127.0.0.1:${stack.port}`]);
    const ours = all.slice(1).flat();
    expect(ours.map(({ user, readOnly }) => ({ user, readOnly }))).toEqual(
      ours.map(() => ({ user: 'node', readOnly: true })),
    );
  });

  it('lets the curl of the README work', async () => {
    const readme = await readFile(path.join(stack.folder, 'README.md'), 'utf8');
    const [, command] = /^\$ (curl (?:.*\\\n)*.*"demo".*)$/m.exec(readme) ?? [];
    expect(command).toContain('127.0.0.1:4100/v1/chat/completions');
    const curl = Child.start('curl', '/bin/sh', ['-c', (command ?? '').replace('4100', String(stack.port))]);
    expect(await curl.exited).toBe(0);
    expect(curl.output).toMatch(/^HTTP\/1\.1 200 OK\r$/m);
    expect(curl.output).toMatch(/^x-spillway-provider: demo\r$/m);
    expect(curl.output).toContain('"finish_reason":"stop"');
  });

  it('streams an answer, and says who gave it', async () => {
    const body = { model: 'demo', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
    const answer = await send(`${stack.url}/v1/chat/completions`, { body }).answer(15_000);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(/^req_0_/),
      'x-spillway-provider': 'demo',
      'x-spillway-model': 'demo',
      'x-spillway-location': 'local',
      'x-spillway-attempts': '1',
      'x-spillway-queue-ms': expect.stringMatching(/^\d+$/),
    });
    expect(contentOf(answer)).toContain('Hello from Spillway');
    expect(answer.events.at(-1)).toBe('[DONE]');
    expect(answer.events.length).toBeGreaterThan(10);
  });

  it('lets the worker without a key idle, and say so once', async () => {
    const [worker] = await stack.containers('worker-openai');
    expect(worker).toMatchObject({ status: 'running', health: 'healthy', restarts: 0 });
    expect((await stack.logs('worker-openai')).split(NO_KEY)).toHaveLength(2);
    expect(await stack.logs('worker-local')).not.toContain(NO_KEY);
  });

  it('does the same for the accounts of the profile `cloud`, and the page of containers is right', async () => {
    const page = await readFile(path.join(stack.folder, 'docs/containers.md'), 'utf8');
    const [, override] = /```yaml\n(services:\n  worker-gpu:[^`]*)```/.exec(page) ?? [];
    await writeFile(path.join(stack.folder, 'docker-compose.override.yml'), override ?? 'services: {}');
    const config = path.join(stack.folder, 'deploy/compose/spillway.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('  demo: {', `${GPU_BOX}  demo: {`));
    await stack.compose('--profile', 'cloud', 'up', '-d', '--wait', 'worker-cloud', 'worker-gpu');
    const states = await Promise.all(['worker-cloud', 'worker-gpu'].map((name) => stack.containers(name)));
    expect(states.flat().map(({ health, restarts }) => ({ health, restarts }))).toEqual([
      { health: 'healthy', restarts: 0 },
      { health: 'healthy', restarts: 0 },
    ]);
    expect((await stack.logs('worker-cloud')).split(NO_KEY)).toHaveLength(11);
    expect((await stack.logs('worker-gpu')).split(NO_KEY)).toHaveLength(2);
  }, 60_000);

  it('refuses at once what only that account could answer', async () => {
    const answer = await fetchAnswer(`${stack.url}/v1/chat/completions`, {
      body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] },
    });
    expect({ status: answer.status, code: jsonOf(answer).error?.code }).toEqual({
      status: 502,
      code: 'upstream_credentials_exhausted',
    });
  });

  it('comes back after down, and answers', async () => {
    await stack.compose('down');
    const seconds = await stack.up();
    process.stdout.write(`docker compose: down, and up again in ${seconds.toFixed(1)} s\n`);
    const answered = await stack.ask('again', { model: 'demo' }).answered;
    expect(answered).toMatchObject({ status: 200, done: true });
  }, 90_000);
});
