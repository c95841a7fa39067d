import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { CallLog, type PendingCall, type RemoteCall } from '../../../src/host/call-log.js';
import { MovableClock } from '../../fakes/clock.js';

describe('a call to a host', () => {
  it('is reported when it starts, with its timeout, and when it ends or fails', async () => {
    const clock = new MovableClock();
    const told: (PendingCall | RemoteCall)[] = [];
    const log = new CallLog(
      clock,
      () => undefined,
      (begun) => {
        told.push(begun);
        return (over) => void told.push(over);
      },
    );
    const call = { host: 'web-1', kind: 'run', what: 'df -h' } as const;
    const asked = log.record('web-1', 'run', 'df -h', () => clock.sleep(300), 5_000);
    expect(told).toEqual([{ ...call, timeout: 5_000 }]);
    await clock.advance(300);
    await asked;
    const late = () => Promise.reject(new Failure('failed', 'host.timeout', 'it took too long'));
    await expect(log.record('web-1', 'run', 'df -h', late)).rejects.toThrow();
    expect(told.slice(1)).toEqual([
      { ...call, duration: 300, began: 1, ended: 2 },
      call,
      { ...call, duration: 0, began: 3, ended: 4, failure: 'host.timeout' },
    ]);
  });
});
