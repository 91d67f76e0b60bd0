import OpenAI, { APIError } from 'openai';
import OpenAI6, { APIError as APIError6 } from 'openai-6';
import { PythonSession } from './python-session.js';

/** One request as a program makes it through an SDK; the same for all of them. */
export interface SdkCall {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Default: `chat.completions.create`, with the body as its arguments. */
  readonly route?: { readonly method: 'get' | 'post' | 'put' | 'delete'; readonly path: string };
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxRetries?: number;
}

/** What an SDK makes of an error: its class, and what a program reads of it. */
export interface SdkError {
  readonly error: string;
  /** It is of the class that programs catch: the SDK's own base class for errors of an API. */
  readonly isApiError: boolean;
  readonly status: number | null;
  readonly code: string | null;
  readonly type: string | null;
  readonly param: string | null;
  readonly message: string;
  readonly requestId: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SdkOutcome {
  /** The chunks of a stream, or the one answer. */
  readonly values: readonly unknown[];
  readonly error: SdkError | null;
  /** When each HTTP request was made, ms on a clock of the SDK's own. */
  readonly tries: readonly number[];
}

/** An official SDK that a test drives. */
export interface Sdk {
  readonly name: string;
  readonly language: 'node' | 'python';
  call(call: SdkCall): Promise<SdkOutcome>;
}

/** What the tests use of a client; its type differs between the majors. */
interface NodeClient {
  readonly chat: { readonly completions: { create(body: object, options: object): PromiseLike<unknown> } };
  get(path: string, options: object): PromiseLike<unknown>;
  post(path: string, options: object): PromiseLike<unknown>;
  put(path: string, options: object): PromiseLike<unknown>;
  delete(path: string, options: object): PromiseLike<unknown>;
}
type ClientOptions = ConstructorParameters<typeof OpenAI>[0];

export const node7: Sdk = nodeSdk('openai 7 for Node', (options) => new OpenAI(options), APIError);
export const node6: Sdk = nodeSdk(
  'openai 6 for Node',
  (options) => new OpenAI6(options as ConstructorParameters<typeof OpenAI6>[0]),
  APIError6,
);

function nodeSdk(
  name: string,
  connect: (options: ClientOptions) => NodeClient,
  ApiError: abstract new (...args: never[]) => Error,
): Sdk {
  return {
    name,
    language: 'node',
    async call({ baseUrl, apiKey = 'any', route, body, headers, maxRetries = 0 }) {
      const tries: number[] = [];
      const counted: typeof fetch = (input, init) => {
        tries.push(performance.now());
        return fetch(input, init);
      };
      const client = connect({ baseURL: baseUrl, apiKey, maxRetries, fetch: counted });
      const options = { headers };
      const values: unknown[] = [];
      try {
        const answer = await (route
          ? client[route.method](route.path, { ...options, ...(route.method !== 'get' && { body }) })
          : client.chat.completions.create(body ?? {}, options));
        if (isAsyncIterable(answer)) for await (const chunk of answer) values.push(chunk);
        else values.push(answer);
        return { values, tries, error: null };
      } catch (error) {
        return { values, tries, error: describe(error, ApiError) };
      }
    },
  };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function describe(error: unknown, ApiError: abstract new (...args: never[]) => Error): SdkError {
  if (!(error instanceof Error)) throw new TypeError(`an SDK threw ${String(error)}`);
  const { status, code, type, param, requestID, headers } = error as Partial<APIError>;
  return {
    error: error.constructor.name,
    isApiError: error instanceof ApiError,
    status: status ?? null,
    code: code ?? null,
    type: type ?? null,
    param: param ?? null,
    message: error.message,
    requestId: requestID ?? null,
    headers: Object.fromEntries(headers ?? []),
  };
}

/** The SDK for Python, in a process of its own; one call at a time. */
export function pythonSdk(session: PythonSession): Sdk {
  return {
    name: 'openai for Python',
    language: 'python',
    async call(call) {
      const said = await session.run(toProgram(call));
      const values = said.flatMap((each) => ('value' in each ? [each['value']] : []));
      const last = said.at(-1) ?? {};
      const { tries, failure } = last as { tries: readonly number[]; failure: SdkError | null };
      return { values, tries, error: failure };
    },
  };
}

function toProgram({
  baseUrl,
  apiKey = 'any',
  route,
  body = {},
  headers = {},
  maxRetries = 0,
}: SdkCall): string {
  // A JSON text is a literal of Python's, too.
  const value = (of: unknown) => `json.loads(${JSON.stringify(JSON.stringify(of))})`;
  const path = `${JSON.stringify(route?.path ?? '')}, cast_to=object, options={"headers": headers}`;
  const { model, messages, stream, ...more } = body;
  const known = Object.entries({ model, messages, stream }).filter(([, given]) => given !== undefined);
  const create = `client.chat.completions.create(**${value(Object.fromEntries(known))}, extra_body=${value(more)}, extra_headers=headers)`;
  const sends = route && route.method !== 'get' ? `, body=${value(body)}` : '';
  return `import json, time
tries, failure, headers = [], None, ${value(headers)}
client = openai.OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=${JSON.stringify(apiKey)}, max_retries=${maxRetries},
    http_client=openai.DefaultHttpxClient(event_hooks={"request": [lambda request: tries.append(time.monotonic() * 1000)]}))
try:
    answer = ${route ? `client.${route.method}(${path}${sends})` : create}
    for value in answer if isinstance(answer, openai.Stream) else [answer]:
        say(value=value.model_dump(mode="json", exclude_unset=True) if hasattr(value, "model_dump") else value)
except Exception as error:
    response = getattr(error, "response", None)
    failure = dict(error=type(error).__name__, isApiError=isinstance(error, openai.APIError), message=str(error),
        status=getattr(error, "status_code", None), requestId=getattr(error, "request_id", None),
        headers=dict(response.headers) if response is not None else {},
        **{name: getattr(error, name, None) for name in ("code", "type", "param")})
client.close()
say(tries=tries, failure=failure)`;
}
