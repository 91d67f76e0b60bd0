/** Waits for work that goes on without whoever waits for it. */
export async function waitAtMost<Value>(
  work: Promise<Value>,
  ms: number,
  signal: AbortSignal,
): Promise<Value | 'timeout' | 'aborted'> {
  if (signal.aborted) return 'aborted';
  const { promise, resolve } = Promise.withResolvers<'timeout' | 'aborted'>();
  const onAbort = () => resolve('aborted');
  const timer = setTimeout(() => resolve('timeout'), Math.max(0, ms));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
