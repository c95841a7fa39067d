import { Annotated } from '../draft.js';
import type { ComposeNode } from './compose-node.js';
import type { ServiceBuilder } from './service-builder.js';
import { fillDefaults } from './variables.js';

interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** Converts named volumes and absolute host paths; files of the repository are not on the servers. */
export function convertVolumes(builder: ServiceBuilder, node: ComposeNode): void {
  const volumes = node.items.flatMap((at) => {
    const mount = mountOf(builder, at);
    const text = mount === undefined ? undefined : volumeText(builder, at, mount);
    return text === undefined ? [] : [text];
  });
  if (volumes.length === 0) return;
  builder.keys.volumes = volumes;
  const isStateful = volumes.some((text) => !text.startsWith('/') && !text.endsWith(':ro'));
  if (isStateful) builder.keys.singleton = new Annotated(true, 'its volume is on one host', node.location);
}

function mountOf(builder: ServiceBuilder, at: ComposeNode): Mount | undefined {
  if (!at.isMap) {
    const [from = '', to, mode = ''] = builder.fixedText(at).split(':');
    if (to !== undefined) return { from, to, readOnly: /\bro\b/.test(mode) };
    builder.skip(at, `the volume has no name: use name:${from}`);
    return undefined;
  }
  const part = (key: string) => fillDefaults(at.get(key)?.text ?? '').text;
  const [type, from = '', to = ''] = ['type', 'source', 'target'].map(part);
  if (type === 'tmpfs') addTmpfs(builder, at, to, '');
  else if (type === 'volume' && from === '') builder.skip(at, `the volume has no name: use name:${to}`);
  else if (type === 'volume' || type === 'bind')
    return { from, to, readOnly: at.get('read_only')?.value === true };
  else builder.skip(at, `mounts of type ${type} are not supported`);
  return undefined;
}

function volumeText(
  builder: ServiceBuilder,
  at: ComposeNode,
  { from, to, readOnly }: Mount,
): string | undefined {
  if (/^[.~]/.test(from) || from.includes('/') !== from.startsWith('/')) {
    builder.skip(at, `${from} is not on the servers: add it to the image, or use an absolute path`);
    return undefined;
  }
  if (!to.startsWith('/') || to.includes('$') || !/^(?:[A-Za-z0-9][A-Za-z0-9_.-]+|\/[^$]*)$/.test(from)) {
    builder.skip(at, 'must be name:/path or /host/path:/path, with 2 or more characters in name');
    return undefined;
  }
  return `${from}:${to}${readOnly ? ':ro' : ''}`;
}

/** Converts `tmpfs`. */
export function convertTmpfs(builder: ServiceBuilder, node: ComposeNode): void {
  for (const at of node.items) {
    const [path = '', options = ''] = builder.fixedText(at).split(':');
    addTmpfs(builder, at, path, options);
  }
}

function addTmpfs(builder: ServiceBuilder, at: ComposeNode, path: string, options: string): void {
  const { HostConfig } = Object(builder.keys.docker);
  if (path.startsWith('/')) builder.setHostConfig('Tmpfs', { ...Object(HostConfig).Tmpfs, [path]: options });
  else builder.skip(at, 'the container path must start with /');
}
