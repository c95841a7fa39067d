import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, jest, test } from '@jest/globals';
import { openSandbox, waitFor } from '../integration/harness.js';
import { checkRow, everyMachine, type Fault, type Outcome, type Row, selectRows } from './table.js';

jest.setTimeout(180_000);

const sandbox = await openSandbox('network');
afterAll(async () => {
  await sandbox.clean();
  await sandbox.down();
});

/** Runs a shell command on machines while the client is blocked. */
const injectWith =
  (line: string, which: readonly number[] = everyMachine): NonNullable<Fault['inject']> =>
  ({ container }) => [
    'sh',
    '-c',
    which.map((machine) => `docker exec ${container(machine)} bash -c ${shellQuoted(line)}`).join('; '),
  ];
const repairWith =
  (line: string, which: readonly number[] = everyMachine): NonNullable<Fault['repair']> =>
  ({ inside }) =>
    Promise.all(which.map((machine) => inside(machine, 'bash', '-c', line)));
const shellQuoted = (line: string) => `'${line.replaceAll("'", `'\\''`)}'`;
/** Runs a shell command after a delay, in the background. */
const runLater = (seconds: number, line: string) =>
  `setsid sh -c ${shellQuoted(`sleep ${seconds}; ${line}`)} >/dev/null 2>&1 </dev/null &`;

const dropSsh = 'iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP';
const acceptSsh = 'iptables -F INPUT; iptables -F OUTPUT';

/** On the first machine, until the client has given up. */
const cut: Fault = {
  name: 'network cut for good',
  inject: injectWith(dropSsh, [1]),
  repair: repairWith(acceptSsh, [1]),
};
const cutBriefly: Fault = {
  name: 'network cut for 5 s',
  inject: injectWith(`${dropSsh}; ${runLater(5, acceptSsh)}`, [1]),
};

const heldLocks = 'for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo held; done';
/** The lease of an unreachable client ends within 20 s. */
const clientGone: Fault = {
  name: 'client killed and its network cut for good',
  inject: (machines) => ['sh', '-c', `${injectWith(dropSsh)(machines).at(-1)}; kill -9 $PPID`],
  repair: async ({ inside }) => {
    for (const machine of everyMachine) {
      await waitFor(async () => (await inside(machine, 'sh', '-c', heldLocks)) === '', 20_000);
      await inside(machine, 'sh', '-c', acceptSsh);
    }
  },
};

/** All processes are frozen, but the kernel still acknowledges packets. */
const frozen: Fault = {
  name: 'machine frozen',
  inject: ({ container }) => ['docker', 'pause', container(1)],
  repair: ({ container }) => promisify(execFile)('docker', ['unpause', container(1)]),
};
const frozenBriefly: Fault = {
  name: 'machine frozen for 5 s',
  inject: ({ container }) => [
    'sh',
    '-c',
    `docker pause ${container(1)}; ${runLater(5, `docker unpause ${container(1)}`)}`,
  ],
};

/** Existing connections stay open. */
const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';
const restarted: Fault = { name: 'sshd restarted', inject: injectWith(restartSshd) };
const loggedOut: Fault = {
  name: 'sshd restarted and all sessions closed',
  inject: injectWith('pkill -x sshd', [1]),
  // The PID file exists once the new server listens.
  repair: repairWith('until kill -0 "$(cat /run/sshd.pid 2>/dev/null)" 2>/dev/null; do sleep 0.1; done', [1]),
};

/** Changes a setting of sshd on both machines. */
const sshdSetting = (name: string, line: string): Fault => ({
  name,
  inject: injectWith(`printf '${line}\\n' >/etc/ssh/sshd_config.d/fault.conf; ${restartSshd}`),
  repair: repairWith(`rm /etc/ssh/sshd_config.d/fault.conf; ${restartSshd}`),
});

const noisyShell: Fault = {
  name: 'login shell with output',
  inject: injectWith(
    'cp /home/deploy/.bashrc /home/deploy/.bashrc.kept; ' +
      'echo "echo welcome; echo held; echo mind the gap >&2" >/home/deploy/.bashrc',
  ),
  repair: repairWith('mv /home/deploy/.bashrc.kept /home/deploy/.bashrc'),
};

const killed = { codes: [null] };
const succeeded = { codes: [0] };
/** Fails before any change and names the machine. */
const unreachable: Outcome = { codes: [5], prints: [/sandbox-1/] };
/** Fails before any container is changed: the other machine has nothing to undo. */
const undone: Outcome = { codes: [5], prints: [/sandbox-1/, /everything was undone/] };
/** The other machine is undone, and suggests how to undo the lost one. */
const partlyUndone: Outcome = {
  codes: [7],
  prints: [/sandbox-1: not undone/, /resume \w+ --revert .*--without sandbox-1/],
};
const connectionBroke: Outcome = {
  ...partlyUndone,
  prints: [/the SSH connection to sandbox-1 broke: \S/, /resume \w+ --revert .*--without sandbox-1/],
};
/** An undo that a resume completes has the exit code of the failure that caused it. */
const resumedUndo: Outcome = { codes: [5], prints: [/everything was undone/] };
/** The response to the last request may have arrived. */
const maybeLost: Outcome = { codes: [0, 7], prints: [/sandbox-1/] };
const maybeFinished: Outcome = { codes: [0, 2] };
const deploy = { command: 'deploy', serves: 'v2' } as const;
const rollback = { command: 'rollback', serves: 'v1' } as const;
const before = { at: 'start' };
const inPull = { at: 'event step.started image.pull/web/sandbox-1' };
const inSwap = { at: 'event step.started container.stop/web/sandbox-1' };
const inStart = { at: 'sent POST /containers/web-2/start' };
const inCommit = { at: 'event step.started release.commit/web' };
const atCommit = { at: 'sent POST /volumes/create' };
const lostInSwap = { outcome: partlyUndone, next: 'resume', nextOutcome: resumedUndo, serves: 'v1' } as const;

const rows: readonly Row[] = [
  { ...deploy, ...before, fault: cut, outcome: unreachable, serves: 'v1' },
  { ...deploy, ...inPull, fault: cut, outcome: undone, serves: 'v1' },
  { ...deploy, ...inPull, fault: cut, outcome: undone, next: 'retry' },
  { ...deploy, ...inSwap, ...lostInSwap, fault: cut },
  { ...deploy, ...inSwap, fault: cut, outcome: partlyUndone, next: 'retry' },
  { ...deploy, ...inStart, ...lostInSwap, fault: cut },
  { ...deploy, ...inCommit, fault: cut, outcome: maybeLost, next: 'resume', nextOutcome: maybeFinished },
  { ...deploy, ...inCommit, fault: cut, outcome: maybeLost, next: 'retry' },
  { ...deploy, ...atCommit, fault: cut, outcome: maybeLost, next: 'resume', nextOutcome: maybeFinished },
  { ...rollback, ...inSwap, ...lostInSwap, fault: cut, serves: 'v2' },
  { ...rollback, ...atCommit, fault: cut, outcome: maybeLost, next: 'resume', nextOutcome: maybeFinished },
  { ...deploy, ...before, fault: cutBriefly, outcome: succeeded },
  { ...deploy, ...inPull, fault: cutBriefly, outcome: succeeded },
  { ...deploy, ...inSwap, fault: cutBriefly, outcome: succeeded },
  { ...deploy, ...atCommit, fault: cutBriefly, outcome: succeeded },
  { ...rollback, ...inSwap, fault: cutBriefly, outcome: succeeded },
  { ...deploy, ...inSwap, fault: clientGone, outcome: killed, next: 'resume' },
  { ...deploy, ...inSwap, fault: clientGone, outcome: killed, next: 'retry' },
  { ...deploy, ...inSwap, ...lostInSwap, fault: frozen },
  { ...deploy, ...inSwap, fault: frozenBriefly, outcome: succeeded },
  { ...deploy, ...inSwap, fault: restarted, outcome: succeeded },
  { ...deploy, ...inSwap, ...lostInSwap, fault: loggedOut, outcome: connectionBroke },
  {
    ...{ ...deploy, ...before, serves: 'v1' },
    fault: sshdSetting('MaxSessions 1', 'MaxSessions 1'),
    outcome: { codes: [4], prints: [/sandbox-1/, /MaxSessions 10/] },
  },
  { ...deploy, ...before, fault: sshdSetting('MaxSessions 2', 'MaxSessions 2'), outcome: succeeded },
  {
    ...{ ...deploy, ...before, outcome: succeeded },
    fault: sshdSetting('TCP forwarding forbidden', 'AllowTcpForwarding no'),
  },
  {
    ...{ ...deploy, ...before, outcome: succeeded },
    fault: sshdSetting('socket forwarding forbidden', 'AllowStreamLocalForwarding no'),
  },
  {
    ...{ ...deploy, ...before, outcome: succeeded },
    fault: sshdSetting('all forwarding forbidden', 'DisableForwarding yes'),
  },
  {
    ...rollback,
    ...before,
    outcome: succeeded,
    fault: sshdSetting('all forwarding forbidden', 'DisableForwarding yes'),
  },
  { ...deploy, ...before, outcome: succeeded, fault: sshdSetting('SSH banner', 'Banner /etc/os-release') },
  { ...deploy, ...before, outcome: succeeded, fault: noisyShell },
  { ...rollback, ...before, outcome: succeeded, fault: noisyShell },
  { ...deploy, outcome: succeeded, fault: { name: 'round trip of 40 ms', delay: 20 } },
  { ...deploy, outcome: succeeded, fault: { name: 'round trip of 200 ms', delay: 100 } },
  { ...rollback, outcome: succeeded, fault: { name: 'round trip of 200 ms', delay: 100 } },
  {
    ...deploy,
    outcome: succeeded,
    fault: { name: 'client clock an hour slow', clockOffset: -3_600_000 },
  },
  {
    ...deploy,
    outcome: succeeded,
    fault: { name: 'client clock an hour fast', clockOffset: 3_600_000 },
  },
  {
    ...rollback,
    outcome: succeeded,
    fault: { name: 'client clock an hour slow', clockOffset: -3_600_000 },
  },
];

test.each(selectRows(rows))('$title', ({ row }) => checkRow(sandbox, row));
