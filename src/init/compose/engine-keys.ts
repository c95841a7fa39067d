import { durationText } from '../../config/parsers.js';
import { isOwnLabel, labelPrefix } from '../../domain/labels.js';
import type { Cursor } from './cursor.js';
import { pairsOf } from './environment.js';
import { durationOf, sizeOf, wordsOf } from './measures.js';
import type { Sheet } from './sheet.js';

/** Carries a key of a service. */
export type Carry = (sheet: Sheet, cursor: Cursor) => void;

const listed =
  (key: string): Carry =>
  (sheet, cursor) =>
    sheet.host(
      key,
      cursor.items.map((at) => sheet.fix(at)),
    );
const flag =
  (key: string): Carry =>
  (sheet, cursor) => {
    if (cursor.value === true) sheet.host(key, true);
  };
const pairs = (sheet: Sheet, cursor: Cursor) =>
  pairsOf(cursor).map(({ name, at, text }) => [name, sheet.fix(at, text ?? '')] as const);

/** The words of a command, whichever way it is written. */
export function commandOf(sheet: Sheet, cursor: Cursor): readonly string[] | undefined {
  if (Array.isArray(cursor.value)) return cursor.items.map((at) => sheet.fix(at));
  const text = sheet.fix(cursor);
  const words = wordsOf(text);
  if (words === undefined) sheet.leave(cursor, 'a quote is not closed');
  return words?.length === 0 ? undefined : words;
}

function ulimits(sheet: Sheet, cursor: Cursor): void {
  const limits = [...cursor.entries].map(([Name, at]) => {
    const of = (key: string) => Number((at.isMap ? at.get(key) : at)?.value);
    return { Name, Soft: of('soft'), Hard: of('hard') };
  });
  const sound = limits.filter(({ Soft, Hard }) => Number.isFinite(Soft) && Number.isFinite(Hard));
  if (sound.length > 0) sheet.host('Ulimits', sound);
  if (sound.length < limits.length) sheet.leave(cursor, 'a limit is a number');
}

function labels(sheet: Sheet, cursor: Cursor): void {
  const all = pairs(sheet, cursor);
  const ours = all.filter(([name]) => isOwnLabel(name));
  if (ours.length > 0) sheet.leave(cursor, `labels that start with ${labelPrefix} are set by oneclick`);
  const others = all.filter((pair) => !ours.includes(pair));
  if (others.length > 0) sheet.docker('Labels', Object.fromEntries(others));
}

function logging(sheet: Sheet, cursor: Cursor): void {
  const driver = cursor.get('driver');
  const options = cursor.get('options');
  sheet.host('LogConfig', {
    Type: driver === undefined ? 'json-file' : sheet.fix(driver),
    ...(options === undefined ? {} : { Config: Object.fromEntries(pairs(sheet, options)) }),
  });
}

/** The keys that the Docker API has under another name: they go to `docker:`. */
export const engineKeys: Readonly<Record<string, Carry>> = {
  entrypoint: (sheet, cursor) => {
    const words = commandOf(sheet, cursor);
    if (words !== undefined) sheet.docker('Entrypoint', words);
  },
  working_dir: (sheet, cursor) => sheet.docker('WorkingDir', sheet.fix(cursor)),
  hostname: (sheet, cursor) => sheet.docker('Hostname', sheet.fix(cursor)),
  domainname: (sheet, cursor) => sheet.docker('Domainname', sheet.fix(cursor)),
  tty: (sheet, cursor) => {
    if (cursor.value === true) sheet.docker('Tty', true);
  },
  stdin_open: (sheet, cursor) => {
    if (cursor.value === true) sheet.docker('OpenStdin', true);
  },
  labels,
  logging,
  ulimits,
  privileged: flag('Privileged'),
  read_only: flag('ReadonlyRootfs'),
  init: flag('Init'),
  cap_add: listed('CapAdd'),
  cap_drop: listed('CapDrop'),
  security_opt: listed('SecurityOpt'),
  group_add: listed('GroupAdd'),
  dns: listed('Dns'),
  dns_search: listed('DnsSearch'),
  extra_hosts: (sheet, cursor) =>
    sheet.host(
      'ExtraHosts',
      cursor.isMap
        ? pairs(sheet, cursor).map(([name, address]) => `${name}:${address}`)
        : cursor.items.map((at) => sheet.fix(at).replace('=', ':')),
    ),
  sysctls: (sheet, cursor) => sheet.host('Sysctls', Object.fromEntries(pairs(sheet, cursor))),
  shm_size: (sheet, cursor) => {
    const size = sizeOf(sheet.fix(cursor));
    if (size === undefined) sheet.leave(cursor, 'not a size');
    else sheet.host('ShmSize', size);
  },
  pids_limit: (sheet, cursor) => sheet.host('PidsLimit', Number(sheet.fix(cursor)) || -1),
  stop_signal: (sheet, cursor) => sheet.add('stop', { signal: sheet.fix(cursor) }),
  stop_grace_period: (sheet, cursor) => {
    const ms = durationOf(sheet.fix(cursor));
    if (ms === undefined) sheet.leave(cursor, 'not a duration');
    else sheet.add('stop', { timeout: durationText(ms) });
  },
};
