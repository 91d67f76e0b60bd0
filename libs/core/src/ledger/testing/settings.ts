import type { Target } from '../../target.js';
import { wholeModel, type Fault, type Setting } from './world.js';

const gpuBox: Target = { provider: 'gpu-box', model: 'llama', location: 'local' };
const openai: Target = { provider: 'openai', model: 'gpt', location: 'cloud' };

const everyFault: readonly Fault[] = [
  'crash',
  'pause',
  'lostReply',
  'lostAdd',
  'slowAdd',
  'redeliver',
  'drain',
  'refusedFrame',
];

const plain: Setting = {
  ledger: wholeModel,
  stream: true,
  targets: [gpuBox],
  workers: 2,
  faults: everyFault,
  budget: 1,
  providerFails: true,
  retries: false,
  settlesLate: false,
  clientCancels: false,
  deadlineComes: false,
};

const retrying = { stream: false, retries: true } as const;

/**
 * What is searched. All of it at once would be too many worlds, so each setting leaves out what it is not about; two
 * faults in one history are needed for most of what a guard prevents.
 */
export const settings = {
  twoFaults: { ...plain, budget: 2, providerFails: false },
  fallback: { ...plain, targets: [gpuBox, openai] },
  lostMove: { ...plain, stream: false, targets: [gpuBox, openai], faults: ['crash', 'redeliver'], budget: 2 },
  lostJob: {
    ...plain,
    stream: false,
    faults: ['crash', 'redeliver', 'lostAdd', 'drain'],
    budget: 2,
    providerFails: false,
  },
  queueWait: { ...plain, targets: [{ ...gpuBox, maxQueueWaitMs: 5_000 }, openai], providerFails: false },
  wholeAnswer: { ...plain, targets: [gpuBox, openai], stream: false },
  cancelAndDeadline: { ...plain, clientCancels: true, deadlineComes: true },
  retry: { ...plain, ...retrying, faults: ['crash', 'redeliver', 'lostAdd', 'slowAdd'] },
  retryCancelled: { ...plain, ...retrying, faults: [], clientCancels: true, deadlineComes: true },
  retryMoves: {
    ...plain,
    ...retrying,
    targets: [{ ...gpuBox, maxQueueWaitMs: 5_000 }, openai],
    faults: ['lostAdd'],
  },
  lateUsage: {
    ...plain,
    targets: [gpuBox, openai],
    faults: ['crash', 'pause', 'drain'],
    settlesLate: true,
    clientCancels: true,
  },
  killer: { ...plain, faults: ['crash', 'drain'], budget: 3, workers: 1, providerFails: false },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
