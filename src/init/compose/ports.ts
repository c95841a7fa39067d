import { parsePort } from '../../config/parsers.js';
import { Annotated, stripAnnotations } from '../draft.js';
import type { ComposeNode } from './compose-node.js';
import type { ServiceBuilder } from './service-builder.js';
import { fillDefaults } from './variables.js';

/** Converts the first port: a service has only one. */
export function convertPorts(builder: ServiceBuilder, node: ComposeNode): void {
  const found = node.items.flatMap((at) => {
    const port = portOf(builder, at);
    return port === undefined ? [] : [{ at, port }];
  });
  const [first, ...more] = found;
  if (first === undefined) return;
  const why = more.length > 0 ? `first of ${found.length}` : '';
  builder.keys.port = why === '' ? first.port : new Annotated(first.port, why, first.at.location);
  for (const { at, port } of more) builder.skip(at, `only the first port is published: ${port} is skipped`);
}

/** Drops ports that another service uses: compose picks a free one, oneclick does not. */
export function dropPortConflicts(builders: readonly ServiceBuilder[]): void {
  const taken = new Map<number, string>();
  for (const builder of builders) {
    const written = stripAnnotations(builder.keys.port);
    if (written === undefined) continue;
    const { host } = parsePort(String(written));
    const other = taken.get(host);
    if (other === undefined) taken.set(host, builder.name);
    else {
      builder.skip(
        builder.service.get('ports') ?? builder.service,
        `port ${host} is already used by ${other}: choose another port`,
      );
      delete builder.keys.port;
      delete builder.keys.health;
    }
  }
}

/** Converts a port; skips those that `oneclick.yml` does not support. */
function portOf(builder: ServiceBuilder, at: ComposeNode): string | number | undefined {
  const text = at.isMap ? longPort(at) : builder.fixedText(at);
  const [, port = '', protocol] = /^([^/]*)(?:\/(\w+))?$/.exec(text) ?? [];
  if (protocol !== undefined && protocol !== 'tcp')
    builder.skip(at, `${protocol} ports are not supported, only tcp`);
  else if (/\d-\d/.test(port)) builder.skip(at, 'port ranges are not supported: a service has one port');
  else {
    try {
      const { address, host, container } = parsePort(port);
      if (address === undefined && host === container) return host;
      return address === undefined ? `${host}:${container}` : port;
    } catch {
      builder.skip(at, `"${text}" is not a valid port`);
    }
  }
  return undefined;
}

function longPort(at: ComposeNode): string {
  const part = (key: string) => fillDefaults(at.get(key)?.text ?? '').text;
  const [address, published, target, protocol] = ['host_ip', 'published', 'target', 'protocol'].map(part);
  const host = published === '' ? target : published;
  return `${address ? `${address}:` : ''}${host}:${target}${protocol ? `/${protocol}` : ''}`;
}
