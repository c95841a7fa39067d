import { expect } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Project, Sandbox } from './harness.js';

// Checks of the machines through their engines and files, not through oneclick.

const Container = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Status: z.string(), StartedAt: z.string() }),
  HostConfig: z.object({ RestartPolicy: z.object({ Name: z.string() }) }),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
});
const Volume = z.object({ Labels: z.record(z.string(), z.string()).nullable() });
const Line = z.object({ order: z.number(), release: z.object({ number: z.number() }) });

const all = [1, 2, 3];

/** Returns all containers of a machine: ID, name, state, start time, restart policy. */
export async function containerStates(sandbox: Sandbox, machine: number): Promise<readonly string[]> {
  return (await containers(sandbox, machine))
    .map(({ Id, Name, State, HostConfig }) =>
      [Id, Name, State.Status, State.StartedAt, HostConfig.RestartPolicy.Name].join(' '),
    )
    .sort();
}

/** Returns {@link containerStates} of all machines. */
export const allContainerStates = (sandbox: Sandbox) =>
  Promise.all(all.map((machine) => containerStates(sandbox, machine)));

/**
 * Expects on each machine one running container with this tag and the right restart policy, no container that is missing
 * from the release log except those that a failed run keeps, and only empty locks in /tmp.
 */
export async function expectSettled(
  sandbox: Sandbox,
  project: Project,
  tags: readonly string[],
): Promise<void> {
  for (const [index, tag] of tags.entries()) {
    const machine = index + 1;
    // The network container belongs to no release.
    const found = (await containers(sandbox, machine)).filter(
      ({ Name, Config: { Labels } }) =>
        Labels['oneclick.project'] === project.name &&
        Labels['oneclick.role'] !== 'network' &&
        !Name.endsWith(`-failed-${Labels['oneclick.run']}`),
    );
    const running = found.filter(({ State }) => State.Status === 'running');
    expect([machine, ...running.map(tagOf)]).toEqual([machine, tag]);
    expect(running.map(({ HostConfig }) => HostConfig.RestartPolicy.Name)).toEqual(['unless-stopped']);
    const log = await releaseLog(sandbox, machine, project.name);
    expect(found.map(releaseOf).filter((release) => !log.includes(release))).toEqual([]);
    expect(running.map(releaseOf)).toEqual(log.slice(-1));
    expect([machine, await leftInTmp(sandbox, machine)]).toEqual([machine, []]);
  }
}

/** The release numbers in the activation volumes of a machine, the current one last. */
async function releaseLog(sandbox: Sandbox, machine: number, project: string): Promise<readonly number[]> {
  const text = await sandbox.inside(
    machine,
    ...['sh', '-c', 'docker volume ls -q --filter label=oneclick.log | xargs -r docker volume inspect'],
  );
  return z
    .array(Volume)
    .parse(parse(text || '[]'))
    .filter(({ Labels }) => Labels?.['oneclick.project'] === project)
    .map(({ Labels }) => Line.parse(parse(Labels?.['oneclick.activation'] ?? '')))
    .sort((a, b) => a.order - b.order)
    .map(({ release }) => release.number);
}

/** The files in /tmp, except empty locks. */
async function leftInTmp(sandbox: Sandbox, machine: number): Promise<readonly string[]> {
  const text = await sandbox.inside(
    machine,
    ...['find', '/tmp', '-mindepth', '1', '!', '(', '-name', 'oneclick-*.lock', '-empty', ')'],
  );
  return text.split('\n').filter((line) => line !== '');
}

async function containers(sandbox: Sandbox, machine: number): Promise<readonly z.infer<typeof Container>[]> {
  const text = await sandbox.inside(
    machine,
    'sh',
    '-c',
    'docker ps -aq --no-trunc | xargs -r docker inspect',
  );
  return z.array(Container).parse(parse(text || '[]'));
}

type Labelled = z.infer<typeof Container>;
const tagOf = ({ Config }: Labelled) => Config.Labels['oneclick.reference']?.split(':').at(-1);
const releaseOf = ({ Config }: Labelled) => Number(Config.Labels['oneclick.release']);
