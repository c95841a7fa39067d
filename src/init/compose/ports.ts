import { parsePort } from '../../config/parsers.js';
import { bare, Noted } from '../draft.js';
import type { Cursor } from './cursor.js';
import type { Sheet } from './sheet.js';
import { fixed } from './variables.js';

/** Carries the first port: a service has one. */
export function carryPorts(sheet: Sheet, cursor: Cursor): void {
  const found = cursor.items.flatMap((at) => {
    const port = portOf(sheet, at);
    return port === undefined ? [] : [{ at, port }];
  });
  const [first, ...more] = found;
  if (first === undefined) return;
  const why = more.length > 0 ? `the first of ${found.length}` : '';
  sheet.keys.port = why === '' ? first.port : new Noted(first.port, why, first.at.where);
  for (const { at, port } of more) sheet.leave(at, `a service publishes one port: ${port} is not`);
}

/** Takes the port from a service that would listen where another one does: compose finds a free one, oneclick does not. */
export function refuseTakenPorts(sheets: readonly Sheet[]): void {
  const taken = new Map<number, string>();
  for (const sheet of sheets) {
    const written = bare(sheet.keys.port);
    if (written === undefined) continue;
    const { host } = parsePort(String(written));
    const other = taken.get(host);
    if (other === undefined) taken.set(host, sheet.name);
    else {
      sheet.leave(
        sheet.service.get('ports') ?? sheet.service,
        `${other} has port ${host} too: write another port`,
      );
      delete sheet.keys.port;
      delete sheet.keys.health;
    }
  }
}

/** The port as `oneclick.yml` writes it; what it cannot say is left. */
function portOf(sheet: Sheet, at: Cursor): string | number | undefined {
  const text = at.isMap ? longPort(at) : sheet.fix(at);
  const [, port = '', protocol] = /^([^/]*)(?:\/(\w+))?$/.exec(text) ?? [];
  if (protocol !== undefined && protocol !== 'tcp')
    sheet.leave(at, `${protocol} is not published: only TCP is`);
  else if (/\d-\d/.test(port)) sheet.leave(at, 'a range of ports is not published: a service has one port');
  else {
    try {
      const { address, host, container } = parsePort(port);
      if (address === undefined && host === container) return host;
      return address === undefined ? `${host}:${container}` : port;
    } catch {
      sheet.leave(at, `"${text}" is not a port`);
    }
  }
  return undefined;
}

function longPort(at: Cursor): string {
  const part = (key: string) => fixed(at.get(key)?.text ?? '').text;
  const [address, published, target, protocol] = ['host_ip', 'published', 'target', 'protocol'].map(part);
  const host = published === '' ? target : published;
  return `${address ? `${address}:` : ''}${host}:${target}${protocol ? `/${protocol}` : ''}`;
}
