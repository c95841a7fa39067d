import type { Balancer, Pool, Server } from './balancer.js';
import { openBackend, serverOptions } from './config.js';

/** The health check result of one server. */
export interface Check {
  /** Whether the server is healthy. */
  readonly up: boolean;
  /** The last check; `code` is an unexpected status code. */
  readonly last: 'none' | 'passed' | 'timeout' | 'code' | 'failed';
  /** The status code of the last check. */
  readonly status?: number;
}

/** The results of a proxy, by {@link checkKey}. */
export type Checks = ReadonlyMap<string, Check>;

/** Returns the key of a server's result. */
export function checkKey(pool: Pick<Pool, 'name'>, server: string): string {
  return `${pool.name}/${server}`;
}

/** Parses `show stat`, a CSV with a header. */
export function readChecks(stat: string): Checks {
  const [head = '', ...lines] = stat.replace(/^# /, '').trim().split('\n');
  const columns = head.split(',');
  const checks = new Map<string, Check>();
  for (const line of lines) {
    // Only later columns can contain commas.
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

/** Administrative state of a server at a running proxy. */
type ServerState = 'active' | 'draining' | 'maintenance';

/** The servers of a running proxy, by `backend/server`. */
export type ServerStates = ReadonlyMap<string, ServerState>;

/** Parses `show servers state`: a version, a header, the servers. */
export function readServerStates(state: string): ServerStates {
  const rows = state
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.split(' '));
  return new Map(
    rows.map(([, backend = '', , server = '', , , admin = '0']) => [
      `${backend}/${server}`,
      serverStateOf(Number(admin)),
    ]),
  );
}

/** Bits 0x01, 0x02, 0x04, 0x20: maintenance; 0x08, 0x10: drain. */
function serverStateOf(admin: number): ServerState {
  if (admin & 0x27) return 'maintenance';
  return admin & 0x18 ? 'draining' : 'active';
}

/** Returns the commands that bring a running proxy to the balancer's servers. */
export function commandsFor({ pools }: Balancer, states: ServerStates): readonly string[] {
  const backends = pools.flatMap((pool) => [
    { backend: pool.name, servers: pool.servers, checked: pool },
    { backend: openBackend(pool), servers: pool.servers, checked: undefined },
  ]);
  return backends.flatMap(({ backend, servers, checked }) => {
    const wanted = new Set(servers.map(({ name }) => `${backend}/${name}`));
    const extra = [...states.keys()].filter((key) => key.startsWith(`${backend}/`) && !wanted.has(key));
    const changes = servers.flatMap((server) => {
      const key = `${backend}/${server.name}`;
      return serverCommands(server, key, states.get(key), checked);
    });
    return [...changes, ...extra.flatMap(removeCommands)];
  });
}

function serverCommands(
  { name, draining }: Server,
  key: string,
  state: ServerState | undefined,
  checked: Pool | undefined,
): readonly string[] {
  if (draining) return state === 'active' ? [`set server ${key} state drain`] : [];
  if (state === 'active') return [];
  if (state === 'draining') return [`set server ${key} state ready`];
  const added = state === undefined ? [`add server ${key} ${name} ${serverOptions(checked)}`] : [];
  return [...added, ...(checked === undefined ? [`set server ${key} state ready`] : startDownCommands(key))];
}

/** A server that leaves maintenance counts as healthy. Via drain it can be set down, so it must pass checks first. */
function startDownCommands(key: string): string[] {
  return [
    `set server ${key} state drain`,
    `enable health ${key}`,
    `set server ${key} health down`,
    `set server ${key} state ready`,
  ];
}

/** A server with open connections stays in maintenance until the next sync. */
function removeCommands(key: string): string[] {
  return [`set server ${key} state maint`, `shutdown sessions server ${key}`, `del server ${key}`];
}
