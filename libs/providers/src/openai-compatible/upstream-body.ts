import { adaptBody } from '#core/adapt-body.js';
import { readMember, rewriteBody } from '#core/body.js';
import { BROKER_MEMBERS } from '#core/controls.js';
import type { ProviderCall } from '../provider.js';

/** What an upstream wants of every body. */
export interface BodyOptions {
  /** Members for the bodies of chats and completions that do not have them: any JSON values. Default: none. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
  /** It gives the usage of a stream unasked, and refuses `stream_options`: they are not sent. Default: false. */
  readonly usageUnasked?: boolean | undefined;
}

/**
 * The client's bytes with the upstream's model name, without the broker's members, as far as its capabilities go, and
 * always asking for usage.
 */
export function toUpstreamBody(
  call: ProviderCall,
  { defaults = {}, usageUnasked }: BodyOptions = {},
): Buffer {
  const { endpoint, model, stream, capabilities } = call;
  const body = capabilities ? adaptBody(endpoint, call.body, capabilities) : call.body;
  const set: Record<string, string> = { model: JSON.stringify(model) };
  const remove = usageUnasked ? [...BROKER_MEMBERS, 'stream_options'] : BROKER_MEMBERS;
  if (endpoint === 'chat' || endpoint === 'completions') {
    for (const [name, value] of Object.entries(defaults)) {
      if (readMember(body, name) === undefined) set[name] = JSON.stringify(value);
    }
  }
  if (stream && !usageUnasked) {
    const options = readMember(body, 'stream_options');
    set['stream_options'] = options?.startsWith('{')
      ? rewriteBody(Buffer.from(options), { set: { include_usage: 'true' } }).toString()
      : '{"include_usage":true}';
  }
  return unpooled(rewriteBody(body, { set, remove }));
}

/** The HTTP client keeps a body as long as the answer lasts; a part of Node's pool would keep 64 KiB of it. */
function unpooled(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength === bytes.length ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
}
