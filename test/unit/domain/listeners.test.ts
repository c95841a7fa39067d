import { describe, expect, it } from '@jest/globals';
import { listenerText, parseListeners } from '../../../src/domain/listeners.js';

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const line = (local: string, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:0 0 0 0`;
const texts = (...lines: readonly string[]) =>
  parseListeners([header, ...lines].join('\n'))?.map(
    (one) => `${listenerText(one)}${one.loopback ? ' loopback' : ''}`,
  );

describe('the listeners of a container', () => {
  it('are read from the lines of the kernel', () => {
    expect(texts(line('0100007F:0BB8'), line('00000000:1F90'), line('0200A8C0:0050'))).toEqual([
      '127.0.0.1:3000 loopback',
      '0.0.0.0:8080',
      '192.168.0.2:80',
    ]);
    expect(
      texts(
        line('00000000000000000000000001000000:0BB8'),
        line('00000000000000000000000000000000:1F90'),
        line('0000000000000000FFFF00000100007F:0BB9'),
        line('B80D0120000000000000000001000000:0050'),
      ),
    ).toEqual(['[::1]:3000 loopback', '[::]:8080', '127.0.0.1:3001 loopback', '[2001:db8:0:0:0:0:0:1]:80']);
  });

  it('are no connections, no DNS server of Docker, and each is listed once', () => {
    expect(texts(line('0100007F:0BB8', '01'), line('0B00007F:9C40'), 'nonsense')).toEqual([]);
    expect(texts(line('00000000:1F90'), line('00000000:1F90'))).toEqual(['0.0.0.0:8080']);
  });

  it('are unknown if nothing was read', () => {
    expect(parseListeners('')).toBeUndefined();
    expect(parseListeners('cat: /proc/7/net/tcp: No such file or directory')).toBeUndefined();
  });
});
