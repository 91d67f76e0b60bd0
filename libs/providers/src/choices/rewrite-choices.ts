import { readMember, rewriteBody, rewriteElements } from '#core/body.js';

const OPEN_BRACE = 0x7b;

/**
 * The elements of `choices` of a chunk or an answer, each with its place among those of all calls. One call has a choice
 * for each prompt, so the choices of one prompt come to stand side by side, as if one call had made them all.
 */
export function placeChoices(
  body: Buffer,
  call: number,
  calls: number,
): readonly { readonly index: number; readonly bytes: Buffer }[] {
  const placed: { index: number; bytes: Buffer }[] = [];
  const choices = readMember(body, 'choices') ?? '[]';
  if (!choices.startsWith('[')) return placed;
  rewriteElements(Buffer.from(choices), (choice) => {
    if (choice[0] !== OPEN_BRACE) return choice;
    const own = Number(readMember(choice, 'index') ?? 0);
    const index = (Number.isSafeInteger(own) ? own : 0) * calls + call;
    placed.push({ index, bytes: rewriteBody(choice, { set: { index: String(index) } }) });
    return choice;
  });
  return placed;
}

/** JSON text of a list. */
export function listOf(elements: readonly { readonly bytes: Buffer }[]): string {
  return `[${elements.map(({ bytes }) => bytes.toString()).join(',')}]`;
}
