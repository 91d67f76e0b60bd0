/** Why something cannot start: one line that says what is wrong and what to do. Printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
