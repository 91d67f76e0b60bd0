import { describe, expect, it } from '@jest/globals';
import { disturbanceOf, parseMachineTime, whyDisturbed } from './machine.js';
import { parseMemoryKb, parseProcessStat, parseSchedstatMs } from './processes.js';
import { parseCommandStats } from './redis-figures.js';

describe('processes', () => {
  it('reads the time of a process whose name holds spaces and brackets', () => {
    const text = '42 (a) (b c) S 1 42 42 0 -1 4194304 99 0 0 0 120 30 7 3 20 0 12 0 2332058 3133440 390';
    expect(parseProcessStat(text)).toEqual({ ownMs: 1_500, childrenMs: 100 });
  });

  it('reads the time of a thread to the nanosecond', () => {
    expect(parseSchedstatMs('1500250 77 12\n')).toBe(1.50025);
  });

  it('reads the share of the memory before all of it', () => {
    expect(
      parseMemoryKb('5 - 7 ---p 0 00:00 0 [rollup]\nRss:   1708 kB\nPss:    395 kB\nPss_Dirty:  1 kB\n'),
    ).toBe(395);
    expect(parseMemoryKb('VmPeak:\t  99 kB\nVmRSS:\t   640 kB\n')).toBe(640);
    expect(parseMemoryKb('')).toBeUndefined();
  });
});

describe('the machine', () => {
  const stat = 'cpu  100 10 50 1000 30 5 20 40 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n';

  it('adds up what is work, and keeps what was stolen apart', () => {
    expect(parseMachineTime(stat)).toEqual({ busyMs: 1_850, stolenMs: 400 });
    expect(parseMachineTime('')).toBeUndefined();
  });

  it('drops a window in which others worked, or in which our cores were given to others', () => {
    const before = { busyMs: 1_000, stolenMs: 0 };
    const quiet = disturbanceOf(before, { busyMs: 6_100, stolenMs: 60 }, 5_000, 3_000);
    expect(whyDisturbed(quiet, 2)).toBeUndefined();
    const foreign = disturbanceOf(before, { busyMs: 7_000, stolenMs: 0 }, 5_000, 3_000);
    expect(whyDisturbed(foreign, 2)).toBe('others used 0.33 of a core');
    const stolen = disturbanceOf(before, { busyMs: 6_000, stolenMs: 600 }, 5_000, 3_000);
    expect(whyDisturbed(stolen, 2)).toBe('0.20 cores were stolen');
  });

  it('calls nobody a foreigner where ticks count a little less than the kernel does', () => {
    const little = disturbanceOf({ busyMs: 0, stolenMs: 0 }, { busyMs: 4_990, stolenMs: 0 }, 5_000, 3_000);
    expect(little.foreignCores).toBe(0);
  });
});

describe('Redis', () => {
  it('counts commands and the time in scripts, and not what was asked to find out', () => {
    const text = [
      '# Commandstats',
      'cmdstat_evalsha:calls=10,usec=500,usec_per_call=50.00,rejected_calls=0,failed_calls=0',
      'cmdstat_xadd:calls=20,usec=100,usec_per_call=5.00,rejected_calls=0,failed_calls=0',
      'cmdstat_fcall:calls=1,usec=7,usec_per_call=7.00,rejected_calls=0,failed_calls=0',
      'cmdstat_config|resetstat:calls=1,usec=30,usec_per_call=30.00,rejected_calls=0,failed_calls=0',
      'cmdstat_info:calls=3,usec=90,usec_per_call=30.00,rejected_calls=0,failed_calls=0',
    ].join('\r\n');
    expect(parseCommandStats(text)).toEqual({
      ...{ commands: 31, scripts: 11, scriptUs: 507 },
      calls: { evalsha: 10, xadd: 20, fcall: 1 },
    });
  });
});
