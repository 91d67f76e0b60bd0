/** What stands in the place of something that looked like a secret. */
const REDACTED = '[redacted]';

/** Longest text that `scrub` returns, in UTF-16 units: room for any useful sentence, none for an echoed prompt. */
export const SCRUBBED_MAX_CHARS = 500;

/** Text beyond this is not even looked at, so that a huge error page costs nothing. */
const SCANNED_MAX_CHARS = 4_096;

/** Control characters, line separators, and the invisible marks that reorder or hide text on a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** Keys with a well-known first part. The dots and stars belong to keys that an upstream already masked itself. */
const PREFIXED_KEY =
  /(?<!\w)(?:sk-[\w.*-]{2,}|(?:AIza|AKIA)[\w.*-]{12,}|(?:pk|rk|gsk|xai|hf|fw|r8|nvapi|pplx|sess|ghp|gho|ghs|glpat|xox[abp])[-_][\w.*-]{16,}|github_pat_\w{16,}|eyJ[\w-]{8,}\.[\w.-]+)/g;

/** "Basic" is a plain word too: only before something that is not one. */
const AUTH_SCHEME = /\b([Bb]earer(?=\s)|BEARER(?=\s)|[Bb]asic(?=\s+[a-z+/]*[0-9A-Z=]))\s+[^\s"',;]+/g;

/** `api_key=…`, `"token": "…"`, `x-api-key: …` whatever the value looks like. */
const NAMED_SECRET =
  /\b((?:x-)?(?:[a-z]+[-_ ]?)?(?:api[-_ ]?key|token|secret|password|authorization))(["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi;

/** User and password before the host, and everything after `?`: both carry keys. */
const URL_USER = /\b([a-z][a-z0-9+.-]{1,15}:\/\/)[^\s/@]+@/gi;
const URL_QUERY = /\b([a-z][a-z0-9+.-]{1,15}:\/\/[^\s?"'<>]+)\?[^\s"'<>]+/gi;

/** Base64, hex and random identifiers. A long model path may fall to this too: a name less beats a key shown. */
const LONG_RUN = /[A-Za-z0-9+/_=-]{24,}/g;

/**
 * Upstream text made safe to show to the caller: whatever looks like a key, token or credential is replaced, control
 * characters are gone, white space is single, and it is at most `SCRUBBED_MAX_CHARS` long. Some upstreams echo the key
 * they were sent; this text may go to an answer, but never to a log or a label, as it may echo the prompt too.
 */
export function scrub(text: string): string {
  const clean = takeWords(text.replace(UNPRINTABLE, ' '), SCANNED_MAX_CHARS)
    .replace(URL_USER, `$1${REDACTED}@`)
    .replace(URL_QUERY, `$1?${REDACTED}`)
    .replace(AUTH_SCHEME, `$1 ${REDACTED}`)
    .replace(NAMED_SECRET, `$1$2${REDACTED}`)
    .replace(PREFIXED_KEY, REDACTED)
    .replace(LONG_RUN, (run) => (isRandom(run) ? REDACTED : run))
    .replace(/\s+/g, ' ')
    .trim();
  return cut(clean, SCRUBBED_MAX_CHARS);
}

/**
 * True for a value that a caller must not have sent as a name: a key, an `Authorization` value or a URL. Model names
 * are long and hold digits, so only an unbroken run counts here, unlike in `scrub`.
 */
export function looksLikeSecret(value: string): boolean {
  return (
    value.search(PREFIXED_KEY) >= 0 ||
    value.search(AUTH_SCHEME) >= 0 ||
    /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(value) ||
    (value.match(/[A-Za-z0-9+=_]{32,}/g) ?? []).some(isRandom)
  );
}

/** A name that a caller sent, fit for an error message: printable, at most 100 characters, never a key. */
export function showName(name: string): string {
  if (looksLikeSecret(name)) return REDACTED;
  return cut(name.slice(0, 200).replace(UNPRINTABLE, ' ').trim(), 100);
}

/** Digits among letters: words do not have them, and a random run of this length all but certainly does. */
function isRandom(run: string): boolean {
  return /\d/.test(run) && (run.length >= 32 || (/[a-z]/.test(run) && /[A-Z]/.test(run)));
}

/** The whole words within the first `max` characters: half a key at the cut would pass every pattern. */
function takeWords(text: string, max: number): string {
  if (text.length <= max) return text;
  return text.slice(0, Math.max(0, text.lastIndexOf(' ', max)));
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}
