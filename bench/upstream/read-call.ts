import { readScript } from '../contract.js';
import type { Script } from '../contract.js';

/** A call of chat completions, as far as the upstream cares. */
export interface BenchCall extends Script {
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** A script is shorter than this, bytes. */
const SCRIPT_BYTES = 200;
/** Bodies up to here are searched as text, which is the faster way with short ones. */
const SHORT_BODY_BYTES = 16_384;

/** Undefined: the body carries no script. It is searched, not parsed: a body may have megabytes. */
export function readCall(body: Buffer): BenchCall | undefined {
  if (body.length <= SHORT_BODY_BYTES) return readShort(body.toString('latin1'));
  const at = body.indexOf('<bench ');
  if (at < 0) return undefined;
  const script = readScript(textAt(body, at, SCRIPT_BYTES));
  if (script === undefined) return undefined;
  return { ...script, stream: isSet(body, '"stream"'), includeUsage: isSet(body, '"include_usage"') };
}

function readShort(text: string): BenchCall | undefined {
  const script = readScript(text);
  if (script === undefined) return undefined;
  return {
    ...script,
    stream: /"stream"\s*:\s*true/.test(text),
    includeUsage: /"include_usage"\s*:\s*true/.test(text),
  };
}

/** In the text of a message a quotation mark has a backslash before it, so a name within quotes is a field. */
function isSet(body: Buffer, name: string): boolean {
  const at = body.indexOf(name);
  if (at < 0) return false;
  return /^\s*:\s*true/.test(textAt(body, at + name.length, 16));
}

function textAt(body: Buffer, at: number, length: number): string {
  return body.toString('latin1', at, Math.min(body.length, at + length));
}
