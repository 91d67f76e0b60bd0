import { describe, expect, it } from '@jest/globals';
import { readTcpTable, tcpEndsOf } from './tcp-table.js';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const TABLE = `${HEAD}   0: 0100007F:1E61 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1565 1 0000000052b7c7ea 100 0 0 10 0
   1: 0100007F:1E61 0100007F:8EE4 01 000001A8:00000000 01:00000106 0000001F     0        0 2223 3 0000000000000000 1600 4 0 1 7
  12: 0100007F:1E61 0200000A:FFFF 01 00000000:00000000 02:0000018F 00000000     0        0 2224 2 0000000000000000 20 4 0 10 -1
${HEAD}   0: 0000000000000000FFFF00000100007F:1E61 0000000000000000FFFF00000100007F:8EEE 01 00000001:00000000 01:00000106 00000002     0        0 2225 3 0 1600 4 0 1 7
`;

describe('readTcpTable', () => {
  it('tells how often was sent again, by connection', () => {
    expect([...readTcpTable(TABLE)]).toEqual([
      ['7777 00000000:0000', 0],
      ['7777 0100007F:8EE4', 31],
      ['7777 0200000A:FFFF', 0],
      ['7777 0000000000000000FFFF00000100007F:8EEE', 2],
    ]);
  });

  it.each(['', HEAD, 'nothing of the kind\n'])('reads nothing from %j', (text) => {
    expect(readTcpTable(text).size).toBe(0);
  });
});

describe('tcpEndsOf', () => {
  // As a machine prints them that has the low byte first, as those have that these tests run on.
  it.each([
    ['127.0.0.1', '0100007F'],
    ['10.0.0.2', '0200000A'],
    ['::ffff:127.0.0.1', '0000000000000000FFFF00000100007F'],
    ['::1', '00000000000000000000000001000000'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::8a2e:370:7334', 'B80D0120000000002E8A000034737003'],
    ['fe80::1%eth0', '000080FE000000000000000001000000'],
    ['1:2:3:4:5:6:7:8', '02000100040003000600050008000700'],
  ])('of %s', (remoteAddress, hex) => {
    expect(tcpEndsOf({ localPort: 7777, remoteAddress, remotePort: 36_580 })).toBe(`7777 ${hex}:8EE4`);
  });

  it('of a connection that is gone', () => {
    expect(tcpEndsOf({ localPort: 1, remoteAddress: undefined, remotePort: undefined })).toBeUndefined();
  });
});
