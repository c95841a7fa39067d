import type { Balancer, Pool, Server } from './balancer.js';
import { openBackend, serverOptions } from './config.js';

/** What the health checks of a proxy say of one server. */
export interface Check {
  /** Whether it gets requests, as far as its health goes. */
  readonly up: boolean;
  /** Of the last check: `none` yet; `code` is an answer that is not among the good ones. */
  readonly last: 'none' | 'passed' | 'timeout' | 'code' | 'failed';
  /** What it answered, if it did. */
  readonly status?: number;
}

/** The checks of a proxy, by the name of the pool and of the server. */
export type Checks = ReadonlyMap<string, Check>;

/** Where a server is found among the checks. */
export function checkKey(pool: Pick<Pool, 'name'>, server: string): string {
  return `${pool.name}/${server}`;
}

/** Reads `show stat`, whose first line names the columns. */
export function readChecks(stat: string): Checks {
  const [head = '', ...lines] = stat.replace(/^# /, '').trim().split('\n');
  const columns = head.split(',');
  const checks = new Map<string, Check>();
  for (const line of lines) {
    // Texts with commas come after all the columns that are read here.
    const cells = line.split(',');
    const cell = (name: string) => cells[columns.indexOf(name)] ?? '';
    const status = Number(cell('check_code'));
    checks.set(`${cell('pxname')}/${cell('svname')}`, {
      up: cell('status').startsWith('UP'),
      last: lastOf(cell('check_status').replace(/^\* /, '')),
      ...(status > 0 ? { status } : {}),
    });
  }
  return checks;
}

/** https://docs.haproxy.org/2.6/management.html#9.1, check_status */
function lastOf(word: string): Check['last'] {
  if (word === '' || word === 'INI' || word === 'UNK') return 'none';
  if (/^L\dOK/.test(word)) return 'passed';
  if (word.endsWith('TOUT')) return 'timeout';
  return word === 'L7STS' ? 'code' : 'failed';
}

/** What a running proxy says of a server's administrative state. */
type Standing = 'active' | 'draining' | 'maintenance';

/** The servers of a running proxy, by the names of backend and server. */
export type Standings = ReadonlyMap<string, Standing>;

/** Reads `show servers state`: a version, the names of the columns, the servers. */
export function readStandings(state: string): Standings {
  const rows = state
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.split(' '));
  return new Map(
    rows.map(([, backend = '', , server = '', , , admin = '0']) => [
      `${backend}/${server}`,
      standingOf(Number(admin)),
    ]),
  );
}

/** Bits 0x01, 0x02, 0x04, 0x20: maintenance by whatever means; 0x08, 0x10: drain. */
function standingOf(admin: number): Standing {
  if (admin & 0x27) return 'maintenance';
  return admin & 0x18 ? 'draining' : 'active';
}

/** The commands that make the servers of a running proxy those of the balancer. */
export function commandsFor({ pools }: Balancer, standings: Standings): readonly string[] {
  const backends = pools.flatMap((pool) => [
    { backend: pool.name, servers: pool.servers, checked: pool },
    { backend: openBackend(pool), servers: pool.servers, checked: undefined },
  ]);
  return backends.flatMap(({ backend, servers, checked }) => {
    const wanted = new Set(servers.map(({ name }) => `${backend}/${name}`));
    const surplus = [...standings.keys()].filter((key) => key.startsWith(`${backend}/`) && !wanted.has(key));
    const changes = servers.flatMap((server) => {
      const key = `${backend}/${server.name}`;
      return commandsOf(server, key, standings.get(key), checked);
    });
    return [...changes, ...surplus.flatMap(removing)];
  });
}

function commandsOf(
  { name, draining }: Server,
  key: string,
  standing: Standing | undefined,
  checked: Pool | undefined,
): readonly string[] {
  if (draining) return standing === 'active' ? [`set server ${key} state drain`] : [];
  if (standing === 'active') return [];
  if (standing === 'draining') return [`set server ${key} state ready`];
  const added = standing === undefined ? [`add server ${key} ${name} ${serverOptions(checked)}`] : [];
  return [...added, ...(checked === undefined ? [`set server ${key} state ready`] : startingDown(key))];
}

/**
 * A server that leaves maintenance counts as healthy until a check fails. One that leaves it for drain can be declared
 * down, and has to pass its checks before it gets a request.
 */
function startingDown(key: string): string[] {
  return [
    `set server ${key} state drain`,
    `enable health ${key}`,
    `set server ${key} health down`,
    `set server ${key} state ready`,
  ];
}

/** A server whose connections end only now stays in maintenance; the next time removes it. */
function removing(key: string): string[] {
  return [`set server ${key} state maint`, `shutdown sessions server ${key}`, `del server ${key}`];
}
