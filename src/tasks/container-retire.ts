import { z } from 'zod';
import { targetName } from '../domain/balancing.js';
import { atHostPort, withState } from '../domain/container.js';
import type { Facts } from '../domain/facts.js';
import { ServedTarget, servedTargets } from '../domain/former-targets.js';
import { given } from '../domain/given.js';
import { dockerOn } from '../domain/plain-command.js';
import { ContainerSpec } from '../domain/release.js';
import { Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import {
  interruptedMove,
  type PlacedContainer,
  singletonElsewhere,
  singletonUnknown,
} from '../domain/singleton.js';
import { asPassing } from './container-swap.js';
import { stopCommand } from './explain-docker.js';
import { waitUntilHealthy } from './health.js';
import { startOnNetwork } from './network.js';
import { registerUnlessQuarantined } from './target-quarantine.js';
import { deregisterAndDrain, waitUntilTargetHealthy } from './target-wait.js';
import { serviceOf, task } from './task.js';

const Intent = z.strictObject({
  containers: z.array(
    z.strictObject({
      host: z.string(),
      name: z.string(),
      /** The policy that an undo restores. */
      restart: z.string(),
      /** The published port of the host. */
      port: z.int().optional(),
    }),
  ),
  targets: z.array(ServedTarget),
  /** For the health check after an undo. */
  spec: ContainerSpec.optional(),
  timeout: z.number(),
});

/** Stops a singleton on its former host before it starts on another; an undo starts it there again. */
export const containerRetire = task({
  name: 'container.retire',
  version: 1,
  scope: 'service',
  needs: (service) => (service?.targetGroup === undefined ? ['hosts'] : ['hosts', 'cloud']),
  summary: 'Stops a singleton on hosts that it has moved away from, and keeps its container.',
  provides: 'retired',
  appliesTo: ({ singleton }) => singleton,
  input: z.strictObject({ rollout: Rollout }),
  intent: Intent,
  receipt: z.strictObject({ moved: z.boolean() }),
  defaults: { rollout: '{{ rollout }}' },
  title: (_, subject) => `stop ${serviceOf(subject).name} on other hosts`,
  check(facts, { rollout }, subject) {
    const service = serviceOf(subject);
    const problem = singletonUnknown(facts, subject.run, service);
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const running = singletonElsewhere(facts, subject.run, service);
    const interrupted = interruptedMove(facts, subject.run, service, rollout.before);
    const placed = [...running, ...(running.length === 0 && interrupted !== undefined ? [interrupted] : [])];
    if (placed.length === 0)
      return { kind: 'done', because: 'it runs on no other host', receipt: { moved: false } };
    const policy = rollout.before?.spec.restart ?? 'no';
    const targets = servedTargets(facts, running);
    return {
      kind: 'todo',
      changes: [
        ...targets.map(({ name, target }) => ({ text: `deregister ${targetName(target)} from ${name}` })),
        ...placed.map(({ host, container }) => ({ host, text: `stop ${container.name}` })),
      ],
      intent: {
        containers: placed.map(({ host, container: { name, restart, ports } }) => ({
          ...{ host, name, ...given({ port: ports[0] }) },
          restart: restart === '' || restart === 'no' ? policy : restart,
        })),
        targets: [...targets],
        timeout: service.stop.timeout,
        ...given({ spec: rollout.before?.spec }),
      },
      expect: { moved: true },
      predict: (later) => placed.reduce(stopped, later),
      cautions: [moveCaution(service, placed)],
    };
  },
  explain: ({ containers, targets, timeout }) => [
    ...targets.flatMap(({ group, target }) => [
      { why: 'stop sending requests to it', call: { kind: 'deregister', group, targets: [target] } } as const,
      {
        why: 'wait until its last request is answered',
        call: { kind: 'wait-drained', group, targets: [target] },
      } as const,
    ]),
    ...containers.flatMap(({ host, name }) => [
      dockerOn(host, 'disable automatic restart on the former host', 'update', '--restart', 'no', name),
      stopCommand(host, 'stop it before it starts on its new host', [name], timeout),
    ]),
  ],
  async apply(context, { containers, targets, timeout }) {
    const { ports } = context;
    await Promise.all(targets.map((target) => deregisterAndDrain(context, target)));
    await Promise.all(
      containers.map(async ({ host, name }) => {
        const { engine } = ports.host(host);
        await engine.setRestart(name, 'no');
        await engine.stop(name, timeout);
      }),
    );
    return { moved: true };
  },
  async undo(context, { containers, targets, spec }) {
    const { ports, subject } = context;
    for (const { host: place, name, restart, port } of containers) {
      const host = ports.host(place);
      await startOnNetwork(host.engine, name, subject.run, subject.service?.name);
      await host.engine.setRestart(name, restart);
      const own = spec && atHostPort(spec, port);
      if (own !== undefined) await waitUntilHealthy(host, name, own, context).catch(asPassing);
    }
    for (const target of targets.filter(({ registered }) => registered)) {
      const [registered] = await registerUnlessQuarantined(context, target, [target.target]);
      if (registered !== undefined) await waitUntilTargetHealthy(context, target);
    }
    return { upAt: context.clock.now().getTime() };
  },
});

const stopped = (facts: Facts, { host, container }: PlacedContainer): Facts =>
  withState(host, [container.name], 'exited')(facts);

function moveCaution({ name, volumes, instances }: Service, placed: readonly PlacedContainer[]): string {
  const from = [...new Set(placed.map(({ host }) => host))].join(', ');
  const to = instances.map(({ host }) => host).join(', ');
  const named = volumes.filter((volume) => !volume.startsWith('/')).map((volume) => volume.split(':')[0]);
  const data =
    named.length === 0 ? '' : `; its data does not move: volume ${named.join(', ')} stays on ${from}`;
  return `${name} moves from ${from} to ${to}${data}`;
}
