import { Failure } from '../domain/failure.js';
import type { EnvironmentLayer } from './layers.js';
import { ParseError, parseSshAddress } from './parsers.js';

/** Whether `text` is the host's name, or its address with or without user and port. */
export function isNamed(
  text: string,
  host: {
    readonly name?: string | undefined;
    readonly address?: string | null | undefined;
    readonly port?: number | null | undefined;
  },
): boolean {
  if (text === host.name) return true;
  const wanted = attempt(text);
  const known = attempt(host.address ?? host.name ?? '');
  if (wanted === undefined || wanted.address !== known?.address) return false;
  return wanted.port === undefined || wanted.port === (host.port ?? known.port ?? 22);
}

/** Adds hosts that run no service, under the names given, unless the environment has them. Throws a usage Failure for text that is not an address. */
export function withFormerHosts(layer: EnvironmentLayer, addresses: readonly string[]): EnvironmentLayer {
  const hosts = layer.config.hosts ?? [];
  const added = addresses
    .filter((address) => !hosts.some((host) => isNamed(address, host)))
    .map((address, index) => ({
      name: address,
      address: checked(address),
      services: [],
      at: [hosts.length + index],
    }));
  return added.length === 0 ? layer : { ...layer, config: { ...layer.config, hosts: [...hosts, ...added] } };
}

function checked(address: string): string {
  if (attempt(address) !== undefined) return address;
  throw new Failure('usage', 'host.unknown', `"${address}" is neither a configured host nor an address`, {
    hint: 'pass an address such as 10.0.0.5 or deploy@10.0.0.5:22',
  });
}

function attempt(text: string) {
  try {
    return parseSshAddress(text);
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}
