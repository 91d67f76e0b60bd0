import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { globSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Child } from '../support/child.js';
import { eventually } from '../support/client.js';
import { blocksOf } from '../support/readme.js';
import { TestBroker } from '../support/start-broker.js';

// The pages of docs/, as readme.e2e-spec.ts does it for the README: what is shown is run.

const PRINTED = 'http://127.0.0.1:4100';
const PRINTED_ID = /req_0_[0-9A-Z]{26}/;

let broker: TestBroker;
let project: string;

beforeAll(async () => {
  broker = await TestBroker.start({ config: { providers: { demo: { kind: 'demo' } } } });
  project = await mkdtemp(path.join(tmpdir(), 'spillway-docs-'));
  await symlink(path.resolve('node_modules'), path.join(project, 'node_modules'));
  const models = async () => JSON.stringify(await (await fetch(`${broker.url}/v1/models`)).json());
  await eventually(async () => (await models()).includes('"demo"') || undefined, 'the demo to be served');
});

afterAll(async () => {
  await broker?.stop();
  await rm(project, { recursive: true, force: true });
});

/** What runs against a broker: programs, and curls. */
const snippets = globSync('docs/**/*.md')
  .toSorted()
  .flatMap((page) => blocksOf(page).map((block) => ({ ...block, page })))
  .filter(
    ({ language, text }) => /^(ts|js|mjs|tsx|python|py)$/.test(language) || /^\s*(\$ )?curl /m.test(text),
  );

const programs = snippets.filter(({ language }) => language === 'ts');
const curls = snippets.filter(({ language }) => language === 'sh');

/** Runs a line of a page against the broker of this file. */
async function shell(text: string): Promise<string> {
  const line = text.replaceAll(PRINTED, broker.url).replace('curl ', 'curl -s --max-time 20 ');
  const child = Child.start(line, '/bin/sh', ['-c', line]);
  expect(await child.exited).toBe(0);
  return child.output;
}

function curl(holding: string): string {
  const found = curls.filter(({ text }) => text.includes(holding));
  expect(found).toHaveLength(1);
  return found[0]?.text ?? '';
}

/** The bytes of an answer that was printed with its head. */
function bodyOf(printed: string): string {
  return printed.slice(printed.indexOf('\r\n\r\n') + 4);
}

describe('the pages of docs/', () => {
  it('show nothing that nothing here runs', () => {
    expect(snippets.map(({ page, language }) => `${page} ${language}`)).toEqual([
      'docs/api.md sh',
      'docs/api.md sh',
      'docs/api.md sh',
      'docs/compatibility.md ts',
      'docs/compatibility.md ts',
    ]);
    expect([...programs, ...curls]).toHaveLength(snippets.length);
  });

  it.each(programs)(
    'show a program that runs as it stands, but for the address: $page, $# of them',
    async ({ text }) => {
      await writeFile(path.join(project, 'program.ts'), text.replace(PRINTED, broker.url));
      const child = Child.start('program.ts', process.execPath, ['--no-warnings', 'program.ts'], {
        cwd: project,
      });
      expect({ status: await child.exited, output: child.output }).toEqual({
        status: 0,
        output: expect.stringMatching(/^Hello .*demo/s),
      });
    },
  );

  it('show how a request is sent twice and answered once', async () => {
    const [first, second] = [await shell(curl('idempotency-key')), await shell(curl('idempotency-key'))];
    expect(bodyOf(first)).toContain('"object":"chat.completion"');
    expect(bodyOf(second)).toBe(bodyOf(first));
    expect(first).not.toContain('x-spillway-replayed');
    expect(second).toContain('x-spillway-replayed: true');
  });

  it('show how a stream is kept, and how its rest is read', async () => {
    const whole = await shell(curl('x-spillway-on-disconnect').replace('curl -N', 'curl -iN'));
    const [request = ''] = PRINTED_ID.exec(whole) ?? [];
    const rest = await shell(curl('starting_after').replace(PRINTED_ID, request));
    expect(rest.length).toBeGreaterThan(100);
    expect(bodyOf(whole).endsWith(rest)).toBe(true);
    expect(bodyOf(whole).slice(0, -rest.length)).toMatch(/\nid: 1-1\.2\ndata: .*\n\n$/);
  });
});
