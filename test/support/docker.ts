import { spawn } from 'node:child_process';
import { createServer, isIPv4 } from 'node:net';
import { Child } from './child.js';

export interface DockerOptions {
  readonly cwd?: string;
  /** Added to what the docker client itself needs; nothing else of our environment reaches it. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs docker to its end, and answers what it printed, without the blanks around it.
 * @throws with all that it printed if it fails.
 */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  const child = startDocker(args, options);
  const status = await child.exited;
  if (status !== 0) throw new Error(`docker ${args.join(' ')} ended with ${status}:\n${child.output}`);
  return child.output.trim();
}

/** Starts docker, for a test that watches it work. */
export function startDocker(args: readonly string[], { cwd, env }: DockerOptions = {}): Child {
  const client = Object.entries(process.env).filter(([name]) => name.startsWith('DOCKER_'));
  const known = Object.fromEntries(client.map(([name, value]) => [name, value ?? '']));
  return Child.start(`docker ${args.join(' ')}`, 'docker', args, {
    ...(cwd !== undefined && { cwd }),
    env: { ...known, ...env },
  });
}

/**
 * Has a shell run this once we are gone, even by SIGKILL: containers are children of the engine, and would outlive us.
 * It waits on a pipe that the kernel closes with us. The answer calls it off.
 */
export function whenWeAreGone(script: string): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r _; ${script}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.stdin.on('error', () => undefined);
  return () => void shell.kill('SIGKILL');
}

/** Where a server must listen for containers to reach it as `host.docker.internal`: the bridge, else loopback. */
export async function bridgeAddress(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
  const gateways = (await docker(['network', 'inspect', 'bridge', '--format', format])).split(/\s+/);
  for (const gateway of gateways.filter((each) => isIPv4(each))) if (await isOurs(gateway)) return gateway;
  // An engine in a machine of its own passes the name on to our loopback.
  return '127.0.0.1';
}

/** Whether one can listen there. The list of interfaces leaves out a bridge that no container is on. */
async function isOurs(address: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}
