import type { Region } from '../action.js';
import { machineOf, observeInstances } from '../ec2/instances.js';

/** An instance as a load balancer sees it. */
export interface Instance {
  /** On the sandbox's network. */
  readonly address: string;
  readonly running: boolean;
}

/** Returns the instance with this ID, if it exists. */
export async function addressOf(region: Region, id: string): Promise<Instance | undefined> {
  const observed = (await observeInstances(region)).find(({ instance: it }) => it.id === id);
  if (observed === undefined) return undefined;
  return { address: machineOf(region, observed.instance).address, running: observed.state === 'running' };
}
