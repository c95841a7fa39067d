import { createHash } from 'node:crypto';
import type { Balancer, Front, Pool } from './balancer.js';
import type { Answer, Condition } from './documents.js';

/** Where the API of a proxy listens: on its own address, so that neither a shell nor a volume is needed to reach it. */
export const apiPort = 65535;

/** Where the files of a proxy are. */
export const folder = '/etc/balancer';

/** The files of a proxy. */
export interface Config {
  readonly files: Readonly<Record<string, string>>;
  /** Stands for all but the servers, which come and go without a reload; the proxy says it as its description. */
  readonly structure: string;
}

/** Where the states of servers are left for the process that a reload starts. */
export const stateFile = 'state';

const main = 'haproxy.cfg';

/** Checks the files before a reload. */
export const check = ['haproxy', '-c', '-q', '-f', `${folder}/${main}`];

/**
 * The command of a proxy's container. At first there are no files, and it serves nothing but its API; later on it begins
 * with those of the run before, except for what that one knew of its servers.
 */
export const command = [
  'sh',
  '-c',
  `mkdir -p ${folder} && cd ${folder} && rm -f ${stateFile} && touch ${main} &&
exec haproxy -W -db -S ipv4@0.0.0.0:${apiPort},level,admin -f ${folder}/${main}`,
];

/**
 * What HAProxy needs to behave as an Application Load Balancer does. A request is tried once, on one target. When none of a
 * group's targets is healthy, all of them get requests (its `.open` backend); without targets the answer is 503, and 502
 * when a target does not answer.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 */
export function configOf(balancer: Balancer): Config {
  const bare = { ...balancer, pools: balancer.pools.map((pool) => ({ ...pool, servers: [] })) };
  const structure = createHash('sha256').update(configText(bare, '')).digest('hex').slice(0, 16);
  return {
    structure,
    files: {
      [main]: configText(balancer, structure),
      '502.http': page(502, 'Bad Gateway'),
    },
  };
}

/**
 * How a server is declared, in a file or to the running proxy, after its name and address; `checked` is its pool unless
 * nothing checks it. Of servers that are added at run time HAProxy keeps no connection alive unless it is told so.
 */
export function serverOptions(checked: Pool | undefined): string {
  const kept = 'pool-max-conn 1000 pool-low-conn 1 pool-purge-delay 60s';
  if (checked === undefined) return kept;
  const { check, slowStart } = checked;
  const port = check.port === undefined ? '' : ` port ${check.port}`;
  const slowly = slowStart === 0 ? '' : ` slowstart ${slowStart}s`;
  return `${kept} check${port} inter ${check.interval}s rise ${check.healthy} fall ${check.unhealthy}${slowly}`;
}

/** The backend that serves a pool without a healthy server. */
export function openBackend(pool: Pool): string {
  return `${pool.name}.open`;
}

function configText({ fronts, pools, idle }: Balancer, structure: string): string {
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
${fronts.map((front) => frontText(front, pools)).join('')}${pools.map(poolText).join('')}`;
}

/**
 * A connection that is kept alive outlives a reload in the old process, which no longer hears of servers: it hands the next
 * request to the new process, and closes the connection after the answer.
 */
function frontText(front: Front, pools: readonly Pool[]): string {
  const { port, rules, otherwise } = front;
  const socket = `/run/handover-${port}.sock`;
  const cases = [...rules, { conditions: [], answer: otherwise }];
  const fixed = cases.flatMap(({ answer }, index) =>
    answer.type === 'forward' ? [] : [`backend ${port}.${index}\n  ${returned(answer)}\n`],
  );
  return `frontend ${port}
  bind :${port}
  bind unix@${socket} accept-proxy
  use_backend ${port}.handover if { stopping }
${cases.flatMap((one, index) => choices(one, `${port}.${index}`, pools)).join('')}backend ${port}.handover
  server next unix@${socket} send-proxy-v2
${fixed.join('')}`;
}

function choices(
  { conditions, answer }: Front['rules'][number],
  fixed: string,
  pools: readonly Pool[],
): readonly string[] {
  const fits = conditions.map(matching);
  const use = (backend: string, ...when: readonly string[]) => {
    const all = [...fits, ...when];
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

function matching({ field, values }: Condition): string {
  const patterns = values.map((value) => `'${globbed(value)}'`).join(' ');
  return field === 'path-pattern'
    ? `{ path -m reg ${patterns} }`
    : `{ req.hdr(host),field(1,:) -m reg -i ${patterns} }`;
}

/** The pattern as a regular expression, in letters that mean nothing to the file's own syntax. */
function globbed(pattern: string): string {
  const plain = pattern.replace(/[^\w/*?-]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`);
  return `^${plain.replaceAll('*', '.*').replaceAll('?', '.')}$`;
}

function returned({ status, contentType, body }: Extract<Answer, { type: 'fixed-response' }>): string {
  return `http-request return status ${status} content-type ${quoted(contentType)} string ${quoted(body)}`;
}

/** One word of the file's syntax, whatever is in it; a line's end is written outside of the quotes. */
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
