import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { startSnippets } from './snippet-scene.js';
import type { SnippetScene } from './snippet-scene.js';

// Why each snippet marked "no" in docs/compatibility.md does not run. Once one does, its row is out of date.

/** Where a program goes that was told of no other address. */
const REAL_SERVICE = 'https://api.openai.com/v1/';

let scene: SnippetScene;

// A Python that starts on a busy machine may need more than Jest's 5 s.
jest.setTimeout(20_000);

beforeAll(async () => {
  scene = await startSnippets();
}, PYTHON_SETUP_MS);

afterAll(() => scene?.stop());

describe('a name of an earlier SDK', () => {
  it.each([
    { language: 'Python', command: "python -c 'import openai; print(openai.OpenAI().base_url)'" },
    {
      language: 'Node',
      command: `node -e "import('openai').then(({ default: OpenAI }) => console.log(new OpenAI().baseURL + '/'))"`,
    },
  ])('shell/agentgateway-environment.sh, in $language', async ({ command }) => {
    const { stdout } = await scene.run({ files: ['shell/agentgateway-environment.sh'], after: command });
    expect(stdout).toBe(`${REAL_SERVICE}\n`);
  });

  it('python/fireworks-process-wide.py', async () => {
    const look = 'print(openai.chat.completions._client.base_url)';
    // What stands in its place is the second line.
    const after = [look, `openai.base_url = "${scene.baseUrl}/"`, look].join('\n');
    const { stdout } = await scene.run({ files: ['python/fireworks-process-wide.py'], after });
    expect(stdout).toBe(`${REAL_SERVICE}\n${scene.baseUrl}/\n`);
  });

  it('python/fireworks-old-loop.py', async () => {
    const files = ['python/fireworks-process-wide.py', 'python/fireworks-old-loop.py'];
    const { stderr, code } = await scene.run({ files });
    expect(code).toBe(1);
    expect(stderr).toContain('openai.ChatCompletion');
    expect(stderr).toContain('no longer supported');
  });
});
