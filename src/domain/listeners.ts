/** A TCP listener, as the kernel lists it. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Whether it accepts connections only from its own network namespace. */
  readonly loopback: boolean;
}

/** The state LISTEN in `/proc/net/tcp`. */
const listening = '0A';
/** Docker's DNS server listens here in every container. */
const dockerDns = '127.0.0.11';

/**
 * Parses the text of `/proc/PID/net/tcp` and `tcp6`. Returns undefined if it has no header, so that nothing was read.
 * https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
export function parseListeners(text: string): readonly Listener[] | undefined {
  if (!text.includes('local_address')) return undefined;
  const all = text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [hex = '', port = ''] = local.split(':');
    if (state !== listening || !/^(?:[0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return [];
    const address = hex.length === 8 ? addressV4(hex) : addressV6(hex);
    const loopback = address.startsWith('127.') || address === '::1';
    return address === dockerDns ? [] : [{ address, port: Number.parseInt(port, 16), loopback }];
  });
  return [...new Map(all.map((one) => [`${one.address} ${one.port}`, one])).values()];
}

/** Bytes of a 32-bit word, which the kernel prints in little-endian order. */
const bytesOf = (word: string) =>
  (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16));

const addressV4 = (hex: string) => bytesOf(hex).join('.');

/** Names the usual addresses; any other one is not told apart. */
function addressV6(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(bytesOf);
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first === -1) return '::';
  if (first === 15 && bytes[15] === 1) return '::1';
  if (first === 10 && bytes[10] === 255 && bytes[11] === 255) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

/** Formats an address with its port: `127.0.0.1:3000`, `[::1]:3000`. */
export const listenerText = ({ address, port }: Listener): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
