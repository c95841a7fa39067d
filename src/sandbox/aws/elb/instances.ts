import type { Region } from '../action.js';
import { machineOf, seeInstances } from '../ec2/instances.js';

/** An instance as a load balancer sees it. */
export interface Instance {
  /** On the sandbox's network. */
  readonly address: string;
  readonly running: boolean;
}

/** The instance of this ID, one of the sandbox's machines or one that EC2 was asked for; `undefined` when there is none. */
export async function addressOf(region: Region, id: string): Promise<Instance | undefined> {
  const seen = (await seeInstances(region)).find(({ it }) => it.id === id);
  if (seen === undefined) return undefined;
  return { address: machineOf(region, seen.it).address, running: seen.state === 'running' };
}
