import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, jest, test } from '@jest/globals';
import { machines, waitFor } from '../integration/harness.js';
import { chosen, type Ending, everyMachine, type Fault, play, type Row } from './table.js';

jest.setTimeout(180_000);

const field = await machines('network');
afterAll(async () => {
  await field.clean();
  await field.down();
});

/** What somebody does inside of machines, by lines of shell, while the client stands still. */
const inside =
  (line: string, which: readonly number[] = everyMachine): NonNullable<Fault['strike']> =>
  ({ container }) => [
    'sh',
    '-c',
    which.map((machine) => `docker exec ${container(machine)} bash -c ${quoted(line)}`).join('; '),
  ];
const healed =
  (line: string, which: readonly number[] = everyMachine): NonNullable<Fault['heal']> =>
  ({ inside }) =>
    Promise.all(which.map((machine) => inside(machine, 'bash', '-c', line)));
const quoted = (line: string) => `'${line.replaceAll("'", `'\\''`)}'`;
/** Without waiting for its end. */
const later = (seconds: number, line: string) =>
  `setsid sh -c ${quoted(`sleep ${seconds}; ${line}`)} >/dev/null 2>&1 </dev/null &`;

const drop = 'iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP';
const pass = 'iptables -F INPUT; iptables -F OUTPUT';

/** The first machine alone, until the client has given up. */
const cut: Fault = {
  name: 'the network cut for good',
  strike: inside(drop, [1]),
  heal: healed(pass, [1]),
};
const cutShortly: Fault = {
  name: 'the network cut for 5 s',
  strike: inside(`${drop}; ${later(5, pass)}`, [1]),
};

const held = 'for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo held; done';
/** Whoever cannot be reached any more has no lease 20 s later, and nobody has told the machines. */
const gone: Fault = {
  name: 'the client and its network gone for good',
  strike: (machines) => ['sh', '-c', `${inside(drop)(machines).at(-1)}; kill -9 $PPID`],
  heal: async ({ inside }) => {
    for (const machine of everyMachine) {
      await waitFor(async () => (await inside(machine, 'sh', '-c', held)) === '', 20_000);
      await inside(machine, 'sh', '-c', pass);
    }
  },
};

/** Nothing on the machine runs any more, but its kernel still acknowledges what comes. */
const frozen: Fault = {
  name: 'a machine that freezes',
  strike: ({ container }) => ['docker', 'pause', container(1)],
  heal: ({ container }) => promisify(execFile)('docker', ['unpause', container(1)]),
};
const frozenShortly: Fault = {
  name: 'a machine that freezes for 5 s',
  strike: ({ container }) => [
    'sh',
    '-c',
    `docker pause ${container(1)}; ${later(5, `docker unpause ${container(1)}`)}`,
  ],
};

/** The next connection meets a new server; those who are logged in stay so. */
const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';
const restarted: Fault = { name: 'sshd restarted', strike: inside(restartSshd) };
const loggedOut: Fault = {
  name: 'sshd restarted, and every session ended',
  strike: inside('pkill -x sshd', [1]),
  // The file is there from when the new one listens.
  heal: healed('until kill -0 "$(cat /run/sshd.pid 2>/dev/null)" 2>/dev/null; do sleep 0.1; done', [1]),
};

/** sshd of both machines is told something before the client comes. */
const configured = (name: string, line: string): Fault => ({
  name,
  strike: inside(`printf '${line}\\n' >/etc/ssh/sshd_config.d/fault.conf; ${restartSshd}`),
  heal: healed(`rm /etc/ssh/sshd_config.d/fault.conf; ${restartSshd}`),
});

const loud: Fault = {
  name: 'a login shell that prints',
  strike: inside(
    'cp /home/deploy/.bashrc /home/deploy/.bashrc.kept; ' +
      'echo "echo welcome; echo held; echo mind the gap >&2" >/home/deploy/.bashrc',
  ),
  heal: healed('mv /home/deploy/.bashrc.kept /home/deploy/.bashrc'),
};

const dead = { codes: [null] };
const well = { codes: [0] };
/** Nothing has begun: the machine is named. */
const unreached: Ending = { codes: [5], says: [/sandbox-1/] };
/** It stops where it stands, names the machine, and says how to go on. */
const lost: Ending = { codes: [7], says: [/sandbox-1/, /oneclick resume/] };
/** The request has left, and its answer may still have come. */
const perhapsLost: Ending = { codes: [0, 7], says: [/sandbox-1/] };
const perhapsOver: Ending = { codes: [0, 2] };
const deploy = { command: 'deploy', serves: 'v2' } as const;
const rollback = { command: 'rollback', serves: 'v1' } as const;
const before = { at: 'start' };
const inPull = { at: 'event step.started image.pull/web/sandbox-1' };
const inSwap = { at: 'event step.started container.stop/web/sandbox-1' };
const inStart = { at: 'sent POST /containers/web-2/start' };
const inCommit = { at: 'event step.started release.commit/web' };
const atCommit = { at: 'sent POST /volumes/create' };

const rows: readonly Row[] = [
  { ...deploy, ...before, fault: cut, answer: unreached, serves: 'v1' },
  { ...deploy, ...inPull, fault: cut, answer: lost, next: 'resume' },
  { ...deploy, ...inPull, fault: cut, answer: lost, next: 'again' },
  { ...deploy, ...inSwap, fault: cut, answer: lost, next: 'resume' },
  { ...deploy, ...inSwap, fault: cut, answer: lost, next: 'again' },
  { ...deploy, ...inStart, fault: cut, answer: lost, next: 'resume' },
  { ...deploy, ...inCommit, fault: cut, answer: lost, next: 'resume' },
  { ...deploy, ...inCommit, fault: cut, answer: lost, next: 'again' },
  { ...deploy, ...atCommit, fault: cut, answer: perhapsLost, next: 'resume', ends: perhapsOver },
  { ...rollback, ...inSwap, fault: cut, answer: lost, next: 'resume' },
  { ...rollback, ...atCommit, fault: cut, answer: perhapsLost, next: 'resume', ends: perhapsOver },
  { ...deploy, ...before, fault: cutShortly, answer: well },
  { ...deploy, ...inPull, fault: cutShortly, answer: well },
  { ...deploy, ...inSwap, fault: cutShortly, answer: well },
  { ...deploy, ...atCommit, fault: cutShortly, answer: well },
  { ...rollback, ...inSwap, fault: cutShortly, answer: well },
  { ...deploy, ...inSwap, fault: gone, answer: dead, next: 'resume' },
  { ...deploy, ...inSwap, fault: gone, answer: dead, next: 'again' },
  { ...deploy, ...inSwap, fault: frozen, answer: lost, next: 'resume' },
  { ...deploy, ...inSwap, fault: frozenShortly, answer: well },
  { ...deploy, ...inSwap, fault: restarted, answer: well },
  { ...deploy, ...inSwap, fault: loggedOut, answer: lost, next: 'resume' },
  {
    ...{ ...deploy, ...before, serves: 'v1' },
    fault: configured('MaxSessions 1', 'MaxSessions 1'),
    answer: { codes: [4], says: [/sandbox-1/, /MaxSessions 10/] },
  },
  { ...deploy, ...before, fault: configured('MaxSessions 2', 'MaxSessions 2'), answer: well },
  {
    ...{ ...deploy, ...before, answer: well },
    fault: configured('forwarding of TCP forbidden', 'AllowTcpForwarding no'),
  },
  {
    ...{ ...deploy, ...before, answer: well },
    fault: configured('forwarding of sockets forbidden', 'AllowStreamLocalForwarding no'),
  },
  {
    ...{ ...deploy, ...before, answer: well },
    fault: configured('all forwarding forbidden', 'DisableForwarding yes'),
  },
  {
    ...rollback,
    ...before,
    answer: well,
    fault: configured('all forwarding forbidden', 'DisableForwarding yes'),
  },
  { ...deploy, ...before, answer: well, fault: configured('a banner', 'Banner /etc/os-release') },
  { ...deploy, ...before, answer: well, fault: loud },
  { ...rollback, ...before, answer: well, fault: loud },
  { ...deploy, answer: well, fault: { name: 'a round trip of 40 ms', distance: 20 } },
  { ...deploy, answer: well, fault: { name: 'a round trip of 200 ms', distance: 100 } },
  { ...rollback, answer: well, fault: { name: 'a round trip of 200 ms', distance: 100 } },
  { ...deploy, answer: well, fault: { name: 'a client whose clock is an hour late', clock: -3_600_000 } },
  { ...deploy, answer: well, fault: { name: 'a client whose clock is an hour early', clock: 3_600_000 } },
  { ...rollback, answer: well, fault: { name: 'a client whose clock is an hour late', clock: -3_600_000 } },
];

test.each(chosen(rows))('$title', ({ row }) => play(field, row));
