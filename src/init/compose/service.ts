import { posix } from 'node:path';
import { sizeText } from '../../config/parsers.js';
import { WrittenService } from '../../config/service.js';
import { Failure } from '../../domain/failure.js';
import { parseImage } from '../../domain/image.js';
import { nearest } from '../../domain/nearest.js';
import { bare } from '../draft.js';
import type { Cursor } from './cursor.js';
import { type Carry, commandOf, engineKeys } from './engine-keys.js';
import { carryEnvFiles, carryEnvironment, pairsOf } from './environment.js';
import { carryHealth } from './health.js';
import { sizeOf } from './measures.js';
import { carryPorts } from './ports.js';
import type { Sheet } from './sheet.js';
import { carryTmpfs, carryVolumes } from './volumes.js';

/** Carries a service of a compose file to `oneclick.yml`; what has no place there is left on the sheet. */
export function carryService(sheet: Sheet): void {
  const entries = sheet.service.entries;
  for (const key of order) {
    const cursor = entries.get(key);
    if (cursor !== undefined && cursor.value !== null) carriers[key]?.(sheet, cursor);
  }
  for (const [key, cursor] of entries) {
    const silent = key.startsWith('x-') || meaningless.has(key) || order.includes(key);
    if (!silent) sheet.leave(cursor, reasons[key] ?? unknownKey(key));
  }
  refuseUnfit(sheet);
}

function image(sheet: Sheet, cursor: Cursor): void {
  const text = sheet.put(cursor);
  if (sheet.service.get('build') === undefined) {
    sheet.keys.image = text;
    return;
  }
  // A tag is what follows the last slash and a colon, as long as that is not inside of a variable.
  const repository = text.replace(/@[^/]*$|:(?:\$\{[^}]*\}|[^/:}])+$/, '');
  if (repository !== text) sheet.leave(cursor, 'the tag of a built image follows the commit');
  sheet.keys.image = repository;
}

function build(sheet: Sheet, cursor: Cursor): void {
  const { folder } = sheet.surroundings;
  const at = cursor.isMap ? cursor.get('context') : cursor;
  const written = at === undefined ? '.' : sheet.fix(at);
  if (/^(?:[a-z+]+:\/\/|git@)|\.git(?:#|$)/.test(written)) {
    sheet.leave(at ?? cursor, 'an image is built from a folder of the project');
    return;
  }
  const context = posix.isAbsolute(written)
    ? written
    : posix.normalize(posix.join(folder, written)).replace(/(?<=.)\/$/, '');
  const text = (key: string) => {
    const part = cursor.get(key);
    return part === undefined ? {} : { [key]: sheet.fix(part) };
  };
  const args = cursor.get('args');
  const values = args === undefined ? [] : pairsOf(args);
  const map = {
    context,
    ...text('dockerfile'),
    ...text('target'),
    ...(values.length === 0
      ? {}
      : {
          args: Object.fromEntries(
            values.map(({ name, at: place, text: value }) => [
              name,
              sheet.put(place, value ?? `\${${name}}`),
            ]),
          ),
        }),
  };
  for (const [key, part] of cursor.entries)
    if (!['context', 'dockerfile', 'target', 'args'].includes(key))
      sheet.leave(part, `build has nothing like ${key}`);
  sheet.keys.build = Object.keys(map).length === 1 ? context : map;
}

function restart(sheet: Sheet, cursor: Cursor): void {
  const [policy = '', tries] = sheet.fix(cursor).split(':');
  if (tries !== undefined) sheet.leave(cursor, 'the number of restarts is not limited');
  const known: Readonly<Record<string, string>> = {
    no: 'no',
    none: 'no',
    false: 'no',
    'on-failure': 'on-failure',
  };
  if (known[policy] !== undefined) sheet.keys.restart = known[policy];
}

function memory(sheet: Sheet, cursor: Cursor): void {
  const bytes = sizeOf(sheet.fix(cursor));
  if (bytes === undefined) sheet.leave(cursor, 'not a size');
  else if (bytes > 0) sheet.keys.memory = sizeText(bytes);
}

function cpus(sheet: Sheet, cursor: Cursor): void {
  const number = Number(sheet.fix(cursor));
  if (number > 0) sheet.keys.cpus = number;
}

function replicas(sheet: Sheet, cursor: Cursor): void {
  if (cursor.value !== 1) sheet.leave(cursor, 'there is one container per service and host');
}

function deploy(sheet: Sheet, cursor: Cursor): void {
  for (const [key, part] of cursor.entries) {
    const condition = part.get('condition');
    if (key === 'replicas') replicas(sheet, part);
    else if (key === 'restart_policy' && condition !== undefined) restart(sheet, condition);
    else if (key !== 'resources') sheet.leave(part, `oneclick.yml has nothing like deploy.${key}`);
  }
  const resources = cursor.get('resources');
  const reserved = resources?.get('reservations');
  if (reserved !== undefined) sheet.leave(reserved, 'only limits are known');
  for (const [key, part] of resources?.get('limits')?.entries ?? []) {
    if (key === 'memory') memory(sheet, part);
    else if (key === 'cpus') cpus(sheet, part);
    else if (key === 'pids') engineKeys.pids_limit?.(sheet, part);
    else sheet.leave(part, `a limit of ${key} is not known`);
  }
}

function needs(sheet: Sheet, cursor: Cursor): void {
  const { names } = sheet.surroundings;
  const found = cursor.isMap ? [...cursor.entries.keys()] : cursor.items.map((at) => at.text ?? '');
  const known = found.flatMap((name) => names.get(name) ?? []);
  if (known.length > 0) sheet.keys.needs = known;
}

function command(sheet: Sheet, cursor: Cursor): void {
  const words = commandOf(sheet, cursor);
  if (words !== undefined) sheet.keys.command = words;
}

const carriers: Readonly<Record<string, Carry>> = {
  image,
  build,
  command,
  ports: carryPorts,
  environment: carryEnvironment,
  env_file: carryEnvFiles,
  volumes: carryVolumes,
  tmpfs: carryTmpfs,
  healthcheck: carryHealth,
  restart,
  mem_limit: memory,
  cpus,
  deploy,
  scale: replicas,
  user: (sheet, cursor) => {
    sheet.keys.user = sheet.fix(cursor);
  },
  depends_on: needs,
  ...engineKeys,
};

/** Ports come before health, which looks at them; what is said in `environment` before what is in files. */
const order = Object.keys(carriers);

/** Keys that change nothing for a container that oneclick starts. */
const meaningless = new Set([
  'expose',
  'profiles',
  'attach',
  'develop',
  'pull_policy',
  'annotations',
  'networks',
]);

const reasons: Readonly<Record<string, string>> = {
  container_name: 'oneclick names its containers; services reach each other by the names of services',
  extends: 'is not followed: give init the output of `docker compose config`',
  network_mode: 'services of a host share one network',
  links: 'services reach each other by the names of services',
  external_links: 'services reach each other by the names of services',
  secrets: 'files with secrets are not known: name variables under secrets',
  configs: 'files are not copied to servers: copy them into the image',
  devices: 'write docker: {HostConfig: {Devices: …}}',
  platform: 'the image decides, by the platform of the host',
  mem_reservation: 'only limits are known',
  ipc: 'write docker: {HostConfig: {IpcMode: …}}',
  pid: 'write docker: {HostConfig: {PidMode: …}}',
};

function unknownKey(key: string): string {
  const near = nearest(key, [...order, ...meaningless, ...Object.keys(reasons)]);
  return near === undefined ? `oneclick.yml has nothing like ${key}` : `unknown: did you mean ${near}?`;
}

/** Takes out what the schema of `oneclick.yml` would refuse, so that the file can be read. */
function refuseUnfit(sheet: Sheet): void {
  const { shape } = WrittenService;
  for (const [key, value] of Object.entries(sheet.keys)) {
    const schema = shape[key as keyof typeof shape];
    const parsed = schema.safeParse(bare(value));
    const why = parsed.success ? unfitImage(key, sheet) : parsed.error.issues[0]?.message;
    if (why === undefined) continue;
    sheet.leave(placeOf(sheet, key), `${key}: ${why}`);
    delete sheet.keys[key];
  }
}

function unfitImage(key: string, { keys }: Sheet): string | undefined {
  if (key !== 'image' || typeof keys.image !== 'string' || keys.image.includes('$')) return undefined;
  try {
    parseImage(keys.image);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** Where the compose file says what became this key. */
function placeOf({ service }: Sheet, key: string): Cursor {
  const there: Readonly<Record<string, string>> = {
    env: 'environment',
    port: 'ports',
    health: 'healthcheck',
    needs: 'depends_on',
  };
  return service.get(there[key] ?? key) ?? service;
}
