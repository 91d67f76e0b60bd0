import type { BrokerLog } from '#broker/connection.js';

/** For commands that say in their own words what is wrong. */
export const SILENT_LOG: BrokerLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
