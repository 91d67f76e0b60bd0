import type { LoadReplyMessage, LoadRequestMessage } from './messages.js';
import { runLoad } from './run-load.js';

/** The process of the load generator; its parent speaks to it with the messages of messages.ts. */
process.on('disconnect', () => process.exit());
process.on('message', ({ load }: LoadRequestMessage) => {
  runLoad(load).then(
    (result) => reply({ kind: 'result', result }),
    (error: unknown) =>
      reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});

function reply(message: LoadReplyMessage): void {
  process.send?.(message);
}
