import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { fetchAnswer, type Answer } from './client.js';

interface Described {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

/** One method of one path, as the document has it. */
export interface DescribedOperation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, Described>>;
}

interface Document {
  readonly components: object;
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, Omit<DescribedOperation, 'method' | 'path'>>>>
  >;
}

/** Headers that HTTP itself, or the server, adds to anything. */
const OF_HTTP = new Set([
  ...[
    'connection',
    'keep-alive',
    'date',
    'content-length',
    'content-type',
    'transfer-encoding',
    'cache-control',
  ],
  ...['x-accel-buffering', 'x-content-type-options', 'content-security-policy', 'referrer-policy'],
]);

/** An api with the OpenAPI document that it gives out: are its answers what the document says of them? */
export class DescribedApi {
  readonly operations: readonly DescribedOperation[];
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  private constructor(
    readonly url: string,
    readonly document: Document,
  ) {
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
      })),
    );
  }

  static async read(url: string): Promise<DescribedApi> {
    const { status, text } = await fetchAnswer(`${url}/openapi.json`);
    if (status !== 200) throw new Error(`there is no document: ${status} ${text}`);
    return new DescribedApi(url, JSON.parse(text) as Document);
  }

  operation(id: string): DescribedOperation {
    const found = this.operations.find(({ operationId }) => operationId === id);
    if (!found) throw new Error(`the document has no operation ${id}`);
    return found;
  }

  /** What of an answer is not as the document says; empty if all is. */
  differences(id: string, answer: Answer): string[] {
    const { responses } = this.operation(id);
    const response = responses[answer.status];
    if (!response) return [`${id} is not said to answer ${answer.status}`];
    const headers = Object.keys(answer.headers).filter((name) => !OF_HTTP.has(name));
    const strange = headers.filter((name) => !Object.hasOwn(response.headers ?? {}, name));
    const type = String(answer.headers['content-type']).replace(/;.*/, '');
    if (!Object.hasOwn(response.content ?? {}, type))
      return [...strange, `${id} is not said to answer ${type}`];
    const check = this.checkOf(response.content?.[type]?.schema ?? {});
    return [
      ...strange,
      ...valuesOf(type, answer).flatMap((value) => (check(value) ? [] : problemsOf(check))),
    ];
  }

  /** Beside the schema stands what it refers to. */
  private checkOf(schema: object): ValidateFunction {
    const { components } = this.document;
    return this.ajv.compile({ ...schema, components });
  }
}

/** What a schema is said of: the whole, or each event but the last. */
function valuesOf(type: string, { text, events }: Answer): unknown[] {
  if (type === 'application/json') return [JSON.parse(text)];
  if (type !== 'text/event-stream') return [text];
  if (events.at(-1) !== '[DONE]') throw new Error(`the stream did not end: ${text}`);
  return events.slice(0, -1).map((event) => JSON.parse(event) as unknown);
}

function problemsOf({ errors }: ValidateFunction): string[] {
  return (errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}
