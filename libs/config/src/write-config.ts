import { presetOf } from '#core/config/presets.js';
import type { Answers } from './describe-services.js';
import type { DiscoveredService } from './discover.js';

/** Longer lists of models would bury the rest. */
const MODELS_SHOWN = 5;

type Account = DiscoveredService & { readonly by: 'key' };
type Server = DiscoveredService & { readonly by: 'address' };

/** The text of a `spillway.yaml` that does what was found without one, and explains each part. Keys stay references. */
export function writeConfig(services: readonly DiscoveredService[], answers: Answers): string {
  const servers = services.filter((each): each is Server => each.by === 'address' && answers.has(each.name));
  const accounts = services.filter((each): each is Account => each.by === 'key');
  return [
    HEAD,
    'providers:',
    ...servers.map((server) => serverText(server, answers.get(server.name) ?? [])),
    ...accounts.map(accountText),
    ...(servers.length + accounts.length === 0 ? [DEMO] : []),
    modelsText(servers, accounts, answers),
    TAIL,
  ].join('\n');
}

const HEAD = `# yaml-language-server: $schema=./docs/spillway.schema.json
#
# What Spillway found on this machine, written by \`./spillway init\`. From now on this file counts, and nothing is looked
# for any more. \`./spillway check\` prints every mistake with its line; docs/configuration.md has every setting.
# \${NAME} and \${NAME:-default} come from the environment, so no key stands here.

# Where the api listens; PORT and HOST win. Other addresses than loopback need \`applications\` below.
server:
  host: 127.0.0.1
  port: 4100

# The one stateful dependency. It must persist (AOF) and must not evict; REDIS_URL wins.
redis:
  url: \${REDIS_URL:-redis://127.0.0.1:6379}

# Upstream services. Each has a queue of its own, and as many workers as you start for it. \`local\` is what you run
# yourself: only there goes a request that says localModelOnly. What a \`preset\` stands for is in docs/providers; what is
# written beside it wins.`;

const DEMO = `  # Nothing was found, so this is the built-in demo. A server of your own would look like this:
  #   gpu-box:
  #     kind: openai-compatible
  #     location: local
  #     baseUrl: http://10.0.0.5:8000/v1
  demo:
    kind: demo`;

const SERVER_SETTINGS = [
  '    # Calls at once over all its workers; what is more waits in the queue.',
  '    concurrency: 4',
  '    # The first call may have to load the model.',
  '    timeouts: { firstTokenMs: 120000 }',
];

const OLLAMA_SETTINGS = [
  '    # Calls at once over all its workers; what is more waits in the queue. By itself OLLAMA_NUM_PARALLEL, or 4.',
  '    # concurrency: 4',
  '    # Until the first output where the model has to be loaded first.',
  '    # coldStartMs: 120000',
];

function serverText(
  { name, preset, baseUrl, location, keyVariable }: Server,
  models: readonly string[],
): string {
  const shown = models.slice(0, MODELS_SHOWN).join(', ');
  const more = models.length > MODELS_SHOWN ? `, and ${models.length - MODELS_SHOWN} more` : '';
  return [
    `  # It answered at this address and offers ${comment(shown)}${more}.`,
    `  ${name}:`,
    `    preset: ${preset}`,
    `    location: ${location}`,
    `    baseUrl: ${quote(baseUrl)}`,
    ...(keyVariable === undefined ? [] : [`    apiKey: \${${keyVariable}}`]),
    ...(presetOf(preset).kind === 'ollama' ? OLLAMA_SETTINGS : SERVER_SETTINGS),
  ].join('\n');
}

function accountText({ name, preset, baseUrl, variable, fallbackModel }: Account): string {
  return [
    `  # ${variable} is set. Only the workers that serve this provider read it.`,
    `  ${name}:`,
    `    preset: ${preset}`,
    `    apiKey: \${${variable}}`,
    ...(baseUrl === undefined ? [] : [`    baseUrl: ${quote(baseUrl)}`]),
    ...(fallbackModel === undefined
      ? []
      : [
          '    # With this model it takes over when a local one fails or is away, and the prompt goes to the cloud with it.',
          '    # Remove the line, and what was meant for a local model stays there.',
          `    fallbackModel: ${quote(fallbackModel)}`,
        ]),
  ].join('\n');
}

/** An example of a route; written out where there is what it needs. */
function modelsText(servers: readonly Server[], accounts: readonly Account[], answers: Answers): string {
  const about = `
# Names of your own, and where they go: the first target that can take a request, then on failure the next. What a
# provider offers can be asked for without being named here, as <model> or <provider>/<model>.`;
  const [server] = servers;
  const model = server && answers.get(server.name)?.[0];
  if (model === undefined) {
    return `${about}\n# models:\n#   my-model:\n#     targets:\n#       - { provider: gpu-box, model: llama3.2 }`;
  }
  const takesOver = accounts.find(({ fallbackModel }) => fallbackModel !== undefined);
  return [
    about,
    'models:',
    '  default:',
    '    targets:',
    `      - { provider: ${server?.name}, model: ${quote(model)} }`,
    ...(takesOver?.fallbackModel === undefined
      ? []
      : [`      - { provider: ${takesOver.name}, model: ${quote(takesOver.fallbackModel)} }`]),
  ].join('\n');
}

const TAIL = `
# Who may call. Without applications any key is accepted, and the api listens on loopback only.
# applications:
#   web:
#     apiKeys: ["\${WEB_KEY}"]

# Limits of each request, ms.
timeouts:
  firstTokenMs: 60000
  idleMs: 30000
  totalMs: 570000
`;

/** Names come from whoever answered: none may end the comment. */
function comment(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?');
}

/** As YAML text in which nothing is a variable. */
function quote(text: string): string {
  return JSON.stringify(text.replaceAll('${', '$${'));
}
