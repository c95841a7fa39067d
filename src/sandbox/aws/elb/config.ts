import { createHash } from 'node:crypto';
import type { Balancer, Frontend, Pool } from './balancer.js';
import type { Answer, Condition } from './documents.js';

/** Port of a proxy's API. On its own address, so that no shell or volume is needed. */
export const apiPort = 65535;

/** Folder of a proxy's files. */
export const folder = '/etc/balancer';

/** The files of a proxy. */
export interface Config {
  readonly files: Readonly<Record<string, string>>;
  /** Hash of everything but the servers, which change without a reload; stored as the proxy's description. */
  readonly structure: string;
}

/** Passes server states to the process that a reload starts. */
export const stateFile = 'state';

const main = 'haproxy.cfg';

/** Validates the files before a reload. */
export const checkCommand = ['haproxy', '-c', '-q', '-f', `${folder}/${main}`];

/** Command of a proxy's container. The first start serves only the API; later ones use the files, but no old states. */
export const startCommand = [
  'sh',
  '-c',
  `mkdir -p ${folder} && cd ${folder} && rm -f ${stateFile} && touch ${main} &&
exec haproxy -W -db -S ipv4@0.0.0.0:${apiPort},level,admin -f ${folder}/${main}`,
];

/**
 * Configures HAProxy to behave like an Application Load Balancer. A request is tried once. If no target of a group is
 * healthy, all get requests (the `.open` backend). Without targets the response is 503; if a target fails, 502.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 */
export function configOf(balancer: Balancer): Config {
  const withoutServers = { ...balancer, pools: balancer.pools.map((pool) => ({ ...pool, servers: [] })) };
  const structure = createHash('sha256').update(configText(withoutServers, '')).digest('hex').slice(0, 16);
  return {
    structure,
    files: {
      [main]: configText(balancer, structure),
      '502.http': page(502, 'Bad Gateway'),
    },
  };
}

/**
 * Returns the options of a server, for files and run-time commands; `checked` is its pool if it has health checks. The
 * pooling options are needed because HAProxy does not reuse connections to servers added at run time.
 */
export function serverOptions(checked: Pool | undefined): string {
  const pooling = 'pool-max-conn 1000 pool-low-conn 1 pool-purge-delay 60s';
  if (checked === undefined) return pooling;
  const { check, slowStart } = checked;
  const port = check.port === undefined ? '' : ` port ${check.port}`;
  const slowStartOption = slowStart === 0 ? '' : ` slowstart ${slowStart}s`;
  return `${pooling} check${port} inter ${check.interval}s rise ${check.healthy} fall ${check.unhealthy}${slowStartOption}`;
}

/** Returns the backend for a pool without healthy servers. */
export function openBackend(pool: Pool): string {
  return `${pool.name}.open`;
}

function configText({ frontends, pools, idle }: Balancer, structure: string): string {
  return `global
  description ${structure}
  stats socket /run/haproxy.sock level admin expose-fd listeners
  server-state-file ${folder}/${stateFile}
defaults
  mode http
  load-server-state-from-file global
  retries 0
  no option redispatch
  option idle-close-on-response
  timeout connect 10s
  timeout client ${idle}s
  timeout server ${idle}s
${frontends.map((frontend) => frontendText(frontend, pools)).join('')}${pools.map(poolText).join('')}`;
}

/** After a reload, the old process hands requests on kept-alive connections to the new one, which knows the servers. */
function frontendText(frontend: Frontend, pools: readonly Pool[]): string {
  const { port, rules, defaultAnswer } = frontend;
  const socket = `/run/handover-${port}.sock`;
  const routes = [...rules, { conditions: [], answer: defaultAnswer }];
  const fixed = routes.flatMap(({ answer }, index) =>
    answer.type === 'forward' ? [] : [`backend ${port}.${index}\n  ${fixedResponse(answer)}\n`],
  );
  return `frontend ${port}
  bind :${port}
  bind unix@${socket} accept-proxy
  use_backend ${port}.handover if { stopping }
${routes.flatMap((route, index) => useBackendLines(route, `${port}.${index}`, pools)).join('')}backend ${port}.handover
  server next unix@${socket} send-proxy-v2
${fixed.join('')}`;
}

function useBackendLines(
  { conditions, answer }: Frontend['rules'][number],
  fixed: string,
  pools: readonly Pool[],
): readonly string[] {
  const matches = conditions.map(conditionText);
  const use = (backend: string, ...extra: readonly string[]) => {
    const all = [...matches, ...extra];
    return all.length === 0
      ? `  default_backend ${backend}\n`
      : `  use_backend ${backend} if ${all.join(' ')}\n`;
  };
  if (answer.type !== 'forward') return [use(fixed)];
  const pool = pools.find(({ arn }) => arn === answer.targetGroup);
  return pool === undefined ? [] : [use(pool.name, `{ nbsrv(${pool.name}) gt 0 }`), use(openBackend(pool))];
}

function poolText(pool: Pool): string {
  const { check, leastOutstanding, servers } = pool;
  const active = servers.filter(({ draining }) => !draining);
  const declared = (checked: Pool | undefined) =>
    active.map(({ name }) => `  server ${name} ${name} ${serverOptions(checked)}\n`).join('');
  const common = `  balance ${leastOutstanding ? 'leastconn' : 'roundrobin'}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port %[dst_port]
  errorfile 503 ${folder}/502.http
`;
  return `backend ${pool.name}
${common}  option httpchk
  http-check send meth GET uri ${quoted(check.path)} ver HTTP/1.1 hdr Host %[srv_name] hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close
  http-check expect status ${check.matcher}
  timeout check ${check.timeout}s
${declared(pool)}backend ${openBackend(pool)}
${common}  http-request return status 503 content-type text/html string ${quoted(html(503, 'Service Temporarily Unavailable'))} if { nbsrv eq 0 }
${declared(undefined)}`;
}

function conditionText({ field, values }: Condition): string {
  const patterns = values.map((value) => `'${globToRegex(value)}'`).join(' ');
  return field === 'path-pattern'
    ? `{ path -m reg ${patterns} }`
    : `{ req.hdr(host),field(1,:) -m reg -i ${patterns} }`;
}

/** Escapes everything that has a meaning in HAProxy's syntax. */
function globToRegex(pattern: string): string {
  const plain = pattern.replace(/[^\w/*?-]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`);
  return `^${plain.replaceAll('*', '.*').replaceAll('?', '.')}$`;
}

function fixedResponse({ status, contentType, body }: Extract<Answer, { type: 'fixed-response' }>): string {
  // HAProxy refuses an empty string.
  if (body === '') return `http-request return status ${status}`;
  return `http-request return status ${status} content-type ${quoted(contentType)} string ${quoted(body)}`;
}

/** Quotes text as one word; line breaks must be outside of the quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`).replaceAll('\r', '').replaceAll('\n', `'\\n'`)}'`;
}

function page(status: number, reason: string): string {
  const body = `${html(status, reason)}\r\n`;
  return `HTTP/1.1 ${status} ${reason}\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function html(status: number, reason: string): string {
  return `<html><head><title>${status} ${reason}</title></head><body><center><h1>${status} ${reason}</h1></center></body></html>`;
}
