// Loaded before an api or a worker: the ledger beside it is the one of this folder, everything else is Spillway's own.
import { registerHooks } from 'node:module';

const replacement = new URL('ledger.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isLedger = specifier === './ledger.js' && context.parentURL?.includes('/libs/broker/');
    return isLedger === true
      ? { url: replacement, format: 'module-typescript', shortCircuit: true }
      : nextResolve(specifier, context);
  },
});
