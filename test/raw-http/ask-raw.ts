import { sendBytes } from '../support/client.js';
import { CLOSING, type Outcome, type RawCase } from './raw-request.js';

/** Sends a case's bytes on a connection of its own; what was answered until the server closed it. */
export async function askRaw(
  url: string,
  { bytes, answers }: RawCase,
  timeoutMs: number,
): Promise<Outcome[]> {
  const all = answers.at(-1) === 'closing' ? bytes + CLOSING : bytes;
  return readOutcomes(await sendBytes(url, Buffer.from(all, 'latin1'), timeoutMs));
}

/** Runs `work` for each item, this many at a time. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Map<Item, Result>> {
  const results = new Map<Item, Result>();
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift())
      results.set(item, await work(item));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/** Every answer in what a server sent, in its order; what is no answer is `garbage`. */
function readOutcomes(text: string): Outcome[] {
  const outcomes: Outcome[] = [];
  let rest = text;
  while (rest !== '') {
    const [, status = '', headers = ''] =
      /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest) ?? [];
    if (status === '') return [...outcomes, 'garbage'];
    rest = rest.slice(rest.indexOf('\r\n\r\n') + 4);
    const length = Number(/^content-length: (\d+)\r$/im.exec(headers)?.[1] ?? 0);
    // The answer to HEAD has the length of a body, but none.
    const body = rest.startsWith('HTTP/1.1 ') ? '' : rest.slice(0, length);
    rest = rest.slice(body.length);
    outcomes.push(outcomeOf(Number(status), body));
  }
  return outcomes;
}

function outcomeOf(status: number, body: string): Outcome {
  if (status < 400) return status;
  const { error } = JSON.parse(body) as { error: { code: string; message: string } };
  return /\/(smuggled|closing)\b/.exec(error.message)?.[1] ?? error.code;
}
