export interface CurlExample {
  /** Base URL that ends in `/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** The shell variable that holds a key of an application; absent where any is accepted. */
  readonly keyVariable?: string;
}

/** A command that streams an answer, to be pasted into a shell. */
export function exampleCurl({ baseUrl, model, keyVariable }: CurlExample): string {
  const body = { model, stream: true, messages: [{ role: 'user', content: 'Say hello in one sentence.' }] };
  return [
    `curl -N ${quote(`${baseUrl}/chat/completions`)}`,
    `-H ${quote('content-type: application/json')}`,
    ...(keyVariable === undefined ? [] : [`-H "authorization: Bearer $${keyVariable}"`]),
    `-d ${quote(JSON.stringify(body))}`,
  ].join(' \\\n  ');
}

/** One word for a POSIX shell, whatever it holds. */
function quote(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
