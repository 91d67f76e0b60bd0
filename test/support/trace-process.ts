/**
 * Preloaded into a process of ours (`--import`): notes in the file TRACE_FILE which modules it loads, and whose secrets
 * it resolves.
 */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const file = process.env['TRACE_FILE'];
if (file === undefined) throw new Error('TRACE_FILE is not set');

function note(kind: string, what: string): void {
  appendFileSync(String(file), `${kind} ${what}\n`);
}

const RESOLVE = 'export function resolveSecret(ref, env) {';
const REPORT = `${RESOLVE} globalThis.noteResolved(ref.variables.join(' '));`;

Object.assign(globalThis, { noteResolved: (variables: string) => note('secret', variables) });

registerHooks({
  load(url, context, nextLoad) {
    note('module', url);
    const loaded = nextLoad(url, context);
    if (!url.endsWith('/libs/core/src/config/secret.js')) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString();
    if (!source.includes(RESOLVE)) throw new Error('resolveSecret is not where it was');
    return { ...loaded, source: source.replace(RESOLVE, REPORT) };
  },
});
