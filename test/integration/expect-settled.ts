import { expect } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Machines, Project } from './harness.js';

/** What a test asks of the machines themselves, by their engines and files, never by oneclick. */

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

/** Every container of a machine: ID, name, state, since when, restart policy. */
export async function ledger(field: Machines, machine: number): Promise<readonly string[]> {
  return (await containers(field, machine))
    .map(({ Id, Name, State, HostConfig }) =>
      [Id, Name, State.Status, State.StartedAt, HostConfig.RestartPolicy.Name].join(' '),
    )
    .sort();
}

/** The ledgers of all machines. */
export const ledgers = (field: Machines) => Promise.all(all.map((machine) => ledger(field, machine)));

/**
 * Expects one running container of the project's one service on every machine, with the restart policy of a release
 * and the tag; beside it none that the machine's own release log does not know, and nothing else in /tmp than an empty lock.
 */
export async function expectSettled(
  field: Machines,
  project: Project,
  tags: readonly string[],
): Promise<void> {
  for (const [index, tag] of tags.entries()) {
    const machine = index + 1;
    // What holds the network of the environment is of no release.
    const found = (await containers(field, machine)).filter(
      ({ Config: { Labels } }) =>
        Labels['oneclick.project'] === project.name && Labels['oneclick.role'] !== 'network',
    );
    const running = found.filter(({ State }) => State.Status === 'running');
    expect([machine, ...running.map(tagOf)]).toEqual([machine, tag]);
    expect(running.map(({ HostConfig }) => HostConfig.RestartPolicy.Name)).toEqual(['unless-stopped']);
    const log = await releaseLog(field, machine, project.name);
    expect(found.map(releaseOf).filter((release) => !log.includes(release))).toEqual([]);
    expect(running.map(releaseOf)).toEqual(log.slice(-1));
    expect([machine, await leftInTmp(field, machine)]).toEqual([machine, []]);
  }
}

/** The numbers of the releases that were activated on a machine, as its volumes say; the current one last. */
async function releaseLog(field: Machines, machine: number, project: string): Promise<readonly number[]> {
  const text = await field.inside(
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

/** What is in /tmp but the locks themselves, which stay and are empty. */
async function leftInTmp(field: Machines, machine: number): Promise<readonly string[]> {
  const text = await field.inside(
    machine,
    ...['find', '/tmp', '-mindepth', '1', '!', '(', '-name', 'oneclick-*.lock', '-empty', ')'],
  );
  return text.split('\n').filter((line) => line !== '');
}

async function containers(field: Machines, machine: number): Promise<readonly z.infer<typeof Container>[]> {
  const text = await field.inside(machine, 'sh', '-c', 'docker ps -aq --no-trunc | xargs -r docker inspect');
  return z.array(Container).parse(parse(text || '[]'));
}

type Labelled = z.infer<typeof Container>;
const tagOf = ({ Config }: Labelled) => Config.Labels['oneclick.reference']?.split(':').at(-1);
const releaseOf = ({ Config }: Labelled) => Number(Config.Labels['oneclick.release']);
