import type { CallFacts } from '#core/failure.js';

/** A request that cannot be put into the provider's terms, found before anything is sent. Another one may take it. */
export class RequestError extends Error {
  /** @param param the member at fault, as a path: `messages[2].content[0].image_url` */
  constructor(
    readonly param: string,
    message: string,
  ) {
    super(message);
  }

  get facts(): CallFacts {
    const { param, message } = this;
    return { kind: 'status', status: 400, code: 'unsupported_parameter', param, message };
  }
}
