import { afterAll, afterEach, jest, test } from '@jest/globals';
import { machines, waitFor } from '../integration/harness.js';
import { chosen, everyMachine, type Fault, play, type Row } from './table.js';

jest.setTimeout(180_000);

const field = await machines('network');
afterEach(() => field.clean());
afterAll(() => field.down());

const drop = 'iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP';
const pass = 'iptables -F INPUT; iptables -F OUTPUT';

/** The first machine alone, until the client has given up. */
const cut: Fault = {
  name: 'the network cut for good',
  strike: ({ container }) => ['docker', 'exec', container(1), 'sh', '-c', drop],
  heal: ({ inside }) => inside(1, 'sh', '-c', pass),
};

const held = 'for lock in /tmp/oneclick-*.lock; do flock -n "$lock" true || echo held; done';
/** Whoever cannot be reached any more has no lease 20 s later, and nobody has told the machines. */
const gone: Fault = {
  name: 'the client and its network gone for good',
  strike: ({ container }) => {
    const cuts = everyMachine.map((machine) => `docker exec ${container(machine)} sh -c '${drop}'`);
    return ['sh', '-c', `${cuts.join('; ')}; kill -9 $PPID`];
  },
  heal: async ({ inside }) => {
    for (const machine of everyMachine) {
      await waitFor(async () => (await inside(machine, 'sh', '-c', held)) === '');
      await inside(machine, 'sh', '-c', pass);
    }
  },
};

/** It stops where it stands, names the machine, and says how to go on. */
const lost = { codes: [7], says: [/sandbox-1/, /oneclick resume/] };
const dead = { codes: [null] };
const midSwap: Omit<Row, 'fault'> = {
  command: 'deploy',
  at: 'event step.started container.stop/web/sandbox-1',
  next: 'resume',
  serves: 'v2',
};

const rows: readonly Row[] = [
  { ...midSwap, fault: cut, answer: lost },
  { ...midSwap, fault: gone, answer: dead },
];

test.each(chosen(rows))('$title', ({ row }) => play(field, row));
