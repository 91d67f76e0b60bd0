/** An answer that is not what was asked for; the message says how. */
export class WrongAnswerError extends Error {}

/** Enough of a text to recognise it in a message. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
}
