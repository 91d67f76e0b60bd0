import { UpstreamServer } from './server.js';
import type { UpstreamStats } from './messages.js';
import type { UpstreamRequestMessage } from './messages.js';

/** The process of the upstream; its parent speaks to it with the messages of messages.ts. */
const upstream = await UpstreamServer.listen();

function stats(): UpstreamStats {
  const { user, system } = process.cpuUsage();
  return { ...upstream.counts, cpuMs: (user + system) / 1000 };
}

process.on('disconnect', () => process.exit());
process.on('message', ({ kind }: UpstreamRequestMessage) => {
  switch (kind) {
    case 'start':
      process.send?.({ kind: 'ready', port: upstream.port });
      break;
    case 'stats':
      process.send?.({ kind: 'stats', stats: stats() });
      break;
  }
});
