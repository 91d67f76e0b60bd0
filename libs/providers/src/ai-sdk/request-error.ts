import type { CallFacts } from '#core/failure.js';

/** A request that cannot be put into the provider's terms: the caller's own mistake, found before anything is sent. */
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
    return { kind: 'status', status: 400, type: 'invalid_request_error', param, message };
  }
}
