import { endianness } from 'node:os';

/** The two ends of a TCP connection, in the kernel's words: `<local port> <remote address>:<remote port>`. */
export type TcpEnds = string;

/** What a row begins with: number, local and remote end, state, both queues, timer, and how often was sent again. */
const ROW = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} \S+ \S+ ([0-9A-F]{8}) /gm;

/**
 * Reads /proc/net/tcp or /proc/net/tcp6: by connection, how often the kernel has sent again what the other end does not
 * acknowledge. 0 where it does, and where it lives but takes nothing: then the kernel asks whether it has room.
 */
export function readTcpTable(table: string): Map<TcpEnds, number> {
  const connections = new Map<TcpEnds, number>();
  for (const [, port = '', remote = '', count = ''] of table.matchAll(ROW)) {
    connections.set(`${Number.parseInt(port, 16)} ${remote}`, Number.parseInt(count, 16));
  }
  return connections;
}

/** How the tables name a connection of ours. Undefined: it has no other end any more. */
export function tcpEndsOf(socket: {
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): TcpEnds | undefined {
  const { localPort, remoteAddress, remotePort } = socket;
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
  return `${localPort} ${toHex(bytesOf(remoteAddress))}:${hex(remotePort, 4)}`;
}

/** The bytes of an IPv4 or IPv6 address. */
function bytesOf(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [before = [], after = []] = address.replace(/%.*$/, '').split('::').map(groupsOf);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...gap, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

/** A part of an IPv6 address as 16-bit numbers; it may end in the form of IPv4. */
function groupsOf(part: string): number[] {
  return part.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** The kernel prints words of 32 bits as the machine has them in memory. */
function toHex(bytes: readonly number[]): string {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    words.push((endianness() === 'LE' ? word.toReversed() : word).map((byte) => hex(byte, 2)).join(''));
  }
  return words.join('');
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}
