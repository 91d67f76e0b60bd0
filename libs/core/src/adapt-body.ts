import { readMember, rewriteBody, rewriteElements } from './body.js';
import { THOUGHT_NAMES, type Capabilities } from './capabilities.js';
import type { Endpoint } from './endpoint.js';

const LIMITS = ['max_tokens', 'max_completion_tokens'] as const;

/**
 * The client's body as a provider with these capabilities understands it: names and roles mapped, members left out that
 * the plan has told of, or that ask for nothing. What the provider lacks otherwise is not looked at: the plan has left it
 * out. Every other byte stays as it was.
 * Throws a TypeError where `body` is not one JSON object.
 */
export function adaptBody(endpoint: Endpoint, body: Buffer, capabilities: Capabilities): Buffer {
  const set: Record<string, string> = {};
  // Those to be refused can only be null here.
  const remove = Object.keys(capabilities.parameters ?? {});
  if (endpoint === 'chat') {
    mapMessages(body, capabilities, set);
    if (capabilities.maxTokens !== undefined) remove.push(...mapLimit(body, capabilities.maxTokens, set));
    // Only `false` comes here, and that is what it does anyway.
    if (capabilities.parallelToolCalls === false) remove.push('parallel_tool_calls');
  }
  return Object.keys(set).length + remove.length === 0 ? body : rewriteBody(body, { set, remove });
}

/** Their roles, and the thoughts that they carry. */
function mapMessages(
  body: Buffer,
  { developerRole, thoughts = THOUGHT_NAMES }: Capabilities,
  set: Record<string, string>,
): void {
  const foreign = THOUGHT_NAMES.filter((name) => !thoughts.includes(name));
  if (developerRole !== false && foreign.length === 0) return;
  const messages = readMember(body, 'messages');
  if (messages === undefined) return;
  const system = { role: '"system"' };
  set['messages'] = rewriteElements(Buffer.from(messages), (message) => {
    const renamed = developerRole === false && isDeveloper(message) && { set: system };
    return renamed || foreign.length > 0 ? rewriteBody(message, { ...renamed, remove: foreign }) : message;
  }).toString();
}

function isDeveloper(message: Buffer): boolean {
  const role = readMember(message, 'role');
  return role !== undefined && JSON.parse(role) === 'developer';
}

/** The limit under the one name that is known; both names are upper limits, so of two the lower one says it all. */
function mapLimit(
  body: Buffer,
  known: (typeof LIMITS)[number],
  set: Record<string, string>,
): readonly string[] {
  const other = known === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  const [mine = 'null', foreign] = [readMember(body, known), readMember(body, other)];
  if (foreign === undefined) return [];
  if (foreign === 'null') return [other];
  if (mine === 'null') set[known] = foreign;
  else if (Number.isNaN(Number(mine) + Number(foreign))) return [];
  else if (Number(foreign) < Number(mine)) set[known] = foreign;
  return [other];
}
