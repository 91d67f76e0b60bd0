import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Upstream } from '../upstream.js';

/** An upstream whose models are asked under paths of its own. */
class WireUpstream extends Upstream {
  constructor(
    server: Server,
    private readonly endpoints: RegExp,
  ) {
    super(server);
  }

  protected override isModelCall(path: string): boolean {
    return this.endpoints.test(path);
  }
}

/** Starts an upstream on a free port of loopback. `endpoints`: the paths of calls of models. */
export async function startWire(endpoints: RegExp): Promise<Upstream> {
  const server = createServer({ keepAliveTimeout: 60_000 });
  const upstream = new WireUpstream(server, endpoints);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return upstream;
}
