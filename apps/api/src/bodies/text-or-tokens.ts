/** A text, tokens, or a list of one of the two: what is completed or embedded. Of a list that is empty there is nothing. */
export function isTextOrTokens(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((item) => typeof item === 'string') || isTokens(value) || value.every(isTokens);
}

function isTokens(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => Number.isSafeInteger(item) && item >= 0)
  );
}
