/**
 * Does this host name or address belong to the operator's own network, as far as it can tell by itself? Only then may
 * a service that was found count as `local`, since `localModelOnly` is a guarantee; everything else is `cloud`.
 */
export function isOwnAddress(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (/^[\d.]+$/.test(host)) return OWN_IPV4.test(host);
  if (host.includes(':')) return OWN_IPV6.test(host);
  // A name without a dot is of this network: `ollama` beside us in a compose file, `gpu-box` in the office.
  return !host.includes('.') || OWN_NAME.test(host);
}

/** What to do where an address that counts as `local` by itself is not of it. */
export const UNKNOWN_LOCATION =
  'this address is not of your own network: write `cloud`, or `local` if a request with `localModelOnly` may go there';

/** Loopback, private, link-local. */
const OWN_IPV4 = /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d{1,3})+$/;
const OWN_IPV6 = /^(::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;
const OWN_NAME = /\.(local|localhost|internal|lan|home\.arpa)$/;
