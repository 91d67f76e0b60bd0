/**
 * `text` as one word of printable ASCII, everything else percent-encoded. Model names come from upstreams: a line
 * break in one would split a header or an event, and Node throws on a header value outside Latin-1.
 */
export function toPlainText(text: string): string {
  return text.toWellFormed().replace(/[^!-$&-~]/gu, encodeURIComponent);
}
