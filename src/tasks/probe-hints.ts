import { rangeText } from '../domain/health-status.js';
import type { Health } from '../domain/service.js';
import type { ProbeAnswer } from '../host/host.js';

/** Returns the response on one line: its status, the target of a redirect, or the start of its body. */
export function responseText({ status, location, body }: ProbeAnswer): string {
  if (isRedirect(status) && location !== undefined)
    return `HTTP ${status}, a redirect to ${location.slice(0, 200)}`;
  return `HTTP ${status} ${body.slice(0, 80).split('\n')[0] ?? ''}`.trim();
}

const isRedirect = (status: number) => status >= 300 && status < 400;

/** Returns what to set in `health` for a response with an unexpected status; `port` is the one that was requested. */
export function hintFor(answer: ProbeAnswer, health: Health, port: number): string | undefined {
  const { status, location = '', body } = answer;
  const sent = health.host ?? `localhost:${port}`;
  if (isRedirect(status)) return redirectHint(status, location, health, sent);
  if (/\bHTTPS\b/i.test(body) && status === 400 && health.scheme !== 'https')
    return inConfig('if this port speaks HTTPS, set', 'scheme: https');
  const wrongHost = hostHint(health, sent);
  switch (status) {
    case 400:
    case 421:
      return wrongHost;
    case 401:
      return inConfig('request a path without login, or accept this status:', accepted(status, health));
    case 403:
      return `${wrongHost}; if this path requires a login, request another one`;
    case 404:
      return `if ${health.path} is the wrong path, set another in oneclick.yml, such as health: { path: / }`;
    default:
      return undefined;
  }
}

function redirectHint(status: number, location: string, health: Health, sent: string): string {
  const accept = `or accept it: health: { ${accepted(status, health)} }`;
  const [, scheme, authority, target = ''] = /^(?:(https?):\/\/([^/?#]*))?([^#]*)/i.exec(location) ?? [];
  const path = scheme === undefined ? target : target || '/';
  const isUpgrade = scheme?.toLowerCase() === 'https' && path === health.path && health.scheme !== 'https';
  if (isUpgrade && !('x-forwarded-proto' in lowerCase(health.headers)))
    return `the application requires HTTPS: send the header of its proxy, health: { headers: { X-Forwarded-Proto: https } }, ${accept}`;
  const isElsewhere = authority !== undefined && authority !== sent;
  // Other paths would need quotes in the hint.
  if (isElsewhere || path === health.path || !/^\/[^\s,{}[\]]*$/.test(path))
    return inConfig('to accept it, set', accepted(status, health));
  return `request the target instead: health: { path: ${path} }, ${accept}`;
}

const lowerCase = (headers: Health['headers'] = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The application may accept only some names in the Host header. */
function hostHint({ host }: Health, sent: string): string {
  if (host !== undefined)
    return `check that the application accepts the Host header ${host}, from health in oneclick.yml`;
  return inConfig(
    `if the application checks the Host header (this check sends ${sent}), set`,
    'host: shop.example.com',
  );
}

const accepted = (status: number, { status: known = [{ from: 200, to: 299 }] }: Health) =>
  `status: [${[...known.map(rangeText), status].join(', ')}]`;

const inConfig = (text: string, setting: string) => `${text} health: { ${setting} } in oneclick.yml`;
