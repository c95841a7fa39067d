import { Noted } from '../draft.js';
import type { Cursor } from './cursor.js';
import type { Sheet } from './sheet.js';
import { fixed } from './variables.js';

interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** Carries named volumes and folders of the host by their full path; what is in the repository is not on a server. */
export function carryVolumes(sheet: Sheet, cursor: Cursor): void {
  const volumes = cursor.items.flatMap((at) => {
    const mount = mountOf(sheet, at);
    const text = mount === undefined ? undefined : volumeText(sheet, at, mount);
    return text === undefined ? [] : [text];
  });
  if (volumes.length === 0) return;
  sheet.keys.volumes = volumes;
  const keeps = volumes.some((text) => !text.startsWith('/') && !text.endsWith(':ro'));
  if (keeps) sheet.keys.singleton = new Noted(true, 'its volume is on one host', cursor.where);
}

function mountOf(sheet: Sheet, at: Cursor): Mount | undefined {
  if (!at.isMap) {
    const [from = '', to, mode = ''] = sheet.fix(at).split(':');
    if (to !== undefined) return { from, to, readOnly: /\bro\b/.test(mode) };
    sheet.leave(at, `a volume without a name: write name:${from}`);
    return undefined;
  }
  const part = (key: string) => fixed(at.get(key)?.text ?? '').text;
  const [type, from = '', to = ''] = ['type', 'source', 'target'].map(part);
  if (type === 'tmpfs') putTmpfs(sheet, at, to, '');
  else if (type === 'volume' && from === '') sheet.leave(at, `a volume without a name: write name:${to}`);
  else if (type === 'volume' || type === 'bind')
    return { from, to, readOnly: at.get('read_only')?.value === true };
  else sheet.leave(at, `mounts of type ${type} are not known`);
  return undefined;
}

function volumeText(sheet: Sheet, at: Cursor, { from, to, readOnly }: Mount): string | undefined {
  if (/^[.~]/.test(from) || from.includes('/') !== from.startsWith('/')) {
    sheet.leave(at, `${from} is not on the servers: copy it into the image, or write its full path there`);
    return undefined;
  }
  if (!to.startsWith('/') || to.includes('$') || !/^(?:[A-Za-z0-9][A-Za-z0-9_.-]+|\/[^$]*)$/.test(from)) {
    sheet.leave(at, 'a volume is written name:/path or /path/on/host:/path, names with 2 characters or more');
    return undefined;
  }
  return `${from}:${to}${readOnly ? ':ro' : ''}`;
}

/** Carries `tmpfs`. */
export function carryTmpfs(sheet: Sheet, cursor: Cursor): void {
  for (const at of cursor.items) {
    const [path = '', options = ''] = sheet.fix(at).split(':');
    putTmpfs(sheet, at, path, options);
  }
}

function putTmpfs(sheet: Sheet, at: Cursor, path: string, options: string): void {
  const { HostConfig } = Object(sheet.keys.docker);
  if (path.startsWith('/')) sheet.host('Tmpfs', { ...Object(HostConfig).Tmpfs, [path]: options });
  else sheet.leave(at, 'a place in the container starts with /');
}
