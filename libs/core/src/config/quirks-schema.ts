import { z } from 'zod';
import { section } from './fields.js';

/** Ways of an OpenAI-compatible upstream that the client evens out. Presets set those that their service documents. */
export const quirks = section({
  stopInText: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: it leaves the stop word at the end of the text. It is taken off, in streams too. Default: `false`.',
    ),
  usageUnasked: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: it gives the usage of a stream unasked, and refuses `stream_options`. They are not sent. Default: `false`.',
    ),
  listsOthers: z
    .boolean()
    .exactOptional()
    .describe(
      '`true`: its list names models that it does not serve. It is asked for the credential only; name what it serves under `models`, or call it as `<provider>/<model>`. Default: `false`.',
    ),
});

/** What the broker sets, and what the request is. */
const OWN_MEMBERS = ['model', 'messages', 'prompt', 'stream', 'stream_options', 'spillway', 'extra_body'];

const member = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'the name of a member of the request body, like top_k')
  .refine((name) => !OWN_MEMBERS.includes(name), 'this member has no default');

export const bodyDefaults = z
  .record(member, z.unknown())
  .exactOptional()
  .describe(
    'Members of the body of chat and completion requests, for those that do not have them. Any JSON value. Default: none.',
  );

/** Beside the root of the API, or of the whole server: `/health` of `http://box:8000/v1` is `http://box:8000/health`. */
export const healthPath = z
  .string()
  .regex(/^\/[!-~]*$/, 'expected a path like /health')
  .exactOptional()
  .describe(
    'Path, in place of the last part of `baseUrl`, that answers 5xx while the server cannot answer calls. It counts as away then, though it lists models. Default: none is asked.',
  );
