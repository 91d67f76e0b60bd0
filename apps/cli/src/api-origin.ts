/** Where a client on this machine reaches the api. */
export function apiOrigin({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${addressForClients(host)}:${port}`;
}

function addressForClients(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
