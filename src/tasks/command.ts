import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { prefix } from '../domain/labels.js';
import { MissingSecrets, missingSecrets } from '../domain/missing-secrets.js';
import { namesFor } from '../domain/names.js';
import { dockerOn } from '../domain/plain-command.js';
import { Release } from '../domain/release.js';
import { isUp, Rollout } from '../domain/rollout.js';
import type { Host } from '../host/host.js';
import { commandConfig } from './container-config.js';
import { createCommand } from './explain-docker.js';
import { failedLog } from './failed-log.js';
import { startOnNetwork } from './network.js';
import { ensureDataVolumes, volumeCommands } from './own-names.js';
import { joinNames, joinNamesCommand, membershipOf, NamesMembership } from './service-names.js';
import { hostFacts, serviceOf, task } from './task.js';

const CommandReceipt = z.strictObject({
  ran: z.boolean(),
  onLaterFailure: z.enum(['revert', 'stop']).optional(),
});
const CommandIntent = z.strictObject({
  name: z.string(),
  host: z.string(),
  release: Release,
  command: z.array(z.string()),
  /** Names that differ from the usual ones. */
  network: z.string().optional(),
  volumes: z.record(z.string(), z.string()).optional(),
  /** The network of the service names, if the host has one. */
  names: NamesMembership.optional(),
});

/** Runs the release command (migrations) once, in a container of the new release. */
export const releaseCommand = task({
  name: 'release.command',
  version: 1,
  scope: 'service',
  needs: ['hosts'],
  summary: 'Runs the release command of a new release once, in its own container.',
  input: z.strictObject({ rollout: Rollout }),
  intent: CommandIntent,
  receipt: CommandReceipt,
  defaults: { rollout: '{{ rollout }}' },
  title: (_, subject) => `run the release command of ${serviceOf(subject).name}`,
  check(facts, { rollout }, subject) {
    const service = serviceOf(subject);
    const host = service.instances[0]?.host;
    if (service.releaseCommand === undefined || host === undefined) {
      return {
        kind: 'done',
        because: `${service.name} has no release command`,
        receipt: { ran: false } satisfies z.infer<typeof CommandReceipt>,
      };
    }
    if (rollout.kind !== 'deploy') {
      return { kind: 'done', because: 'only new releases run it', receipt: { ran: false } };
    }
    const { command } = service.releaseCommand;
    const name = `${prefix(subject.run)}-${service.name}-${rollout.release.number}-command-${subject.run.id}`;
    const missing = missingSecrets(facts, rollout.release.spec.secrets);
    const isCreated = facts.hosts[host]?.containers.some((container) => container.name === name);
    if (missing.length > 0 && isCreated !== true)
      return { kind: 'blocked', problems: [new MissingSecrets(missing, subject.run.environment, { host })] };
    const names = namesFor({
      ...{ facts, host: hostFacts(facts, host), id: subject.run, service: service.name },
      ...{ spec: rollout.release.spec, adopting: rollout.adopted?.adopted },
    });
    if (names instanceof Failure) return { kind: 'blocked', problems: [names] };
    return {
      kind: 'todo',
      changes: [{ host, text: `run ${command.join(' ')}` }],
      intent: {
        ...{ name, host, release: rollout.release, command: [...command], ...names },
        ...given({ names: membershipOf(hostFacts(facts, host), subject) }),
      },
      expect: { ran: true, onLaterFailure: service.releaseCommand.onLaterFailure },
      predict: (later) => later,
    };
  },
  explain({ name, host, release, command, names: membership, ...names }, subject) {
    const { secrets } = release.spec;
    const config = commandConfig(release, command, subject, names);
    return [
      ...volumeCommands(host, release.spec, subject.run, names),
      createCommand(
        host,
        'create a container for the release command, without a published port',
        name,
        config,
        secrets,
      ),
      ...(membership === undefined ? [] : [joinNamesCommand(host, name, membership)]),
      dockerOn(host, 'run the release command, whose changes stay', 'start', '--attach', name),
    ];
  },
  async apply(
    { ports, subject, clock, progress },
    { name, host: on, release, command, names: membership, ...names },
  ) {
    const service = serviceOf(subject);
    const host = ports.host(on);
    const before = await host.engine.container(name);
    if (before === undefined) {
      const secrets = await ports.secrets(release.spec.secrets);
      await ensureDataVolumes(host.engine, release.spec, subject.run, names);
      await host.engine.create({ name, config: commandConfig(release, command, subject, names, secrets) });
      if (membership !== undefined) await joinNames(host.engine, name, membership, subject.run);
    }
    if (before === undefined || before.state === 'created')
      await startOnNetwork(host.engine, name, subject.run);
    progress(`running ${command.join(' ')}`);
    const limit = service.releaseCommand?.timeout ?? 0;
    // Ignores the run's signal: an interrupted migration does more harm than a wait.
    const stop = new AbortController();
    const timeout = clock.sleep(limit, stop.signal).then(
      () => 'timeout' as const,
      () => 'timeout' as const,
    );
    const code = await Promise.race([host.engine.wait(name, stop.signal), timeout]).finally(() =>
      stop.abort(),
    );
    if (code === 0) return { ran: true, onLaterFailure: service.releaseCommand?.onLaterFailure };
    throw await commandFailure(
      host,
      name,
      subject.run.id,
      command,
      code === 'timeout' ? `is still running after ${limit / 1000} s` : `exited with code ${code}`,
    );
  },
  undo: {
    never: 'changes made by a release command stay',
    tidy: async ({ ports }, { name, host }) => {
      const { engine } = ports.host(host);
      const found = await engine.container(name);
      // One that failed stays for its log, until release.prune.
      if (found !== undefined && !isUp(found) && (found.exit ?? 0) === 0) await engine.remove(found.id);
    },
  },
  onLaterFailure: (receipt: z.infer<typeof CommandReceipt>) => receipt.onLaterFailure,
});

async function commandFailure(
  host: Host,
  name: string,
  run: string,
  command: readonly string[],
  reason: string,
): Promise<Failure> {
  const { evidence, log, hint = `oneclick logs --run ${run}` } = await failedLog(host, name);
  return new Failure('failed', 'command.failed', `the release command ${command.join(' ')} ${reason}`, {
    host: host.name,
    ...{ hint, evidence },
    ...given({ log }),
  });
}
