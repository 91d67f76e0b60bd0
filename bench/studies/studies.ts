import type { Work } from '../work.js';
import { studyBacklog } from './backlog.js';
import { studyIdle } from './idle.js';

/** What is measured otherwise than by one load on several targets. */
export const studies: readonly Work[] = [
  { name: 'idle', run: studyIdle },
  { name: 'backlog', run: studyBacklog },
];
