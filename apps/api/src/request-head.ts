import type { IncomingMessage } from 'node:http';
import { SpillwayError } from '#core/errors.js';

/** `name`, `name:port`, `[address]:port`, or nothing. No comma: two hosts that a proxy made one of. */
const HOST = /^(?:\[[\da-f:.]+(?:%[\w.~-]+)?\]|(?:[\w.~!$&'()*+;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/** Headers that a request may have. Their bytes are limited by the parser, which would only leave out what is too many. */
const MAX_HEADERS = 1_000;
const VERSIONS: readonly string[] = ['1.0', '1.1'];

export type RequestHead = Pick<IncomingMessage, 'rawHeaders' | 'headers' | 'httpVersion'>;

/**
 * Why a request goes no further, whatever its path: its head says something that a proxy in front may have read in
 * another way, or that nobody here can do. Undefined where it is in order.
 */
export function refuseHead(head: RequestHead): SpillwayError | undefined {
  if (head.rawHeaders.length > 2 * MAX_HEADERS) return new SpillwayError('headers_too_large');
  return refuseVersion(head) ?? refuseHost(head) ?? refuseTransferEncoding(head) ?? refuseExpectation(head);
}

/** The parser takes others, too, and reads them as if they were one of these. */
function refuseVersion({ httpVersion }: RequestHead): SpillwayError | undefined {
  if (VERSIONS.includes(httpVersion)) return undefined;
  return new SpillwayError('invalid_value', { reason: 'Nothing but HTTP/1.0 and HTTP/1.1 is spoken here.' });
}

function refuseHost({ rawHeaders, headers, httpVersion }: RequestHead): SpillwayError | undefined {
  const hosts = countHosts(rawHeaders);
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) {
    return invalid('Host', 'There must be exactly one Host header.');
  }
  if (HOST.test(headers.host ?? '')) return undefined;
  return invalid('Host', 'The Host header must be a name or an address, and maybe a port.');
}

/** The parser takes any list that ends in `chunked`; not all proxies do, and none of the other codings is undone here. */
function refuseTransferEncoding({ headers, httpVersion }: RequestHead): SpillwayError | undefined {
  const encoding = headers['transfer-encoding'];
  if (encoding === undefined || (encoding.toLowerCase() === 'chunked' && httpVersion !== '1.0'))
    return undefined;
  return invalid(
    'Transfer-Encoding',
    'Nothing but chunked may stand in the Transfer-Encoding header, of HTTP/1.1.',
  );
}

function refuseExpectation({ headers: { expect } }: RequestHead): SpillwayError | undefined {
  if (expect === undefined || expect.toLowerCase() === '100-continue') return undefined;
  return invalid('Expect', 'Nothing but 100-continue may stand in the Expect header.');
}

/** In names and values by turns: Node's own sorting makes a list for each header, and keeps it with the request. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count += 1;
  }
  return count;
}

function invalid(param: string, reason: string): SpillwayError {
  return new SpillwayError('invalid_value', { param, reason });
}
