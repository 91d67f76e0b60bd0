import { chatChecks } from './chat-checks.js';
import { endChecks } from './end-checks.js';
import { otherChecks } from './other-checks.js';
import type { Checks } from './scene.js';

/** What each feature must do, through whichever SDK. */
export const CHECKS: Checks = { ...chatChecks, ...otherChecks, ...endChecks };
