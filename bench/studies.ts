import type { Work } from './work.js';

/** What is measured otherwise than by one load on several targets. */
export const studies: readonly Work[] = [];
