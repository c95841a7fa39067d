import { ifExists } from '../../docker.js';
import { listMachines } from '../../machine.js';
import type { Region } from '../action.js';

/** An instance as a load balancer sees it. */
export interface Instance {
  /** On the sandbox's network. */
  readonly address: string;
  readonly running: boolean;
}

/** The instance of this ID: one of the sandbox's machines; `undefined` when there is none. */
export async function addressOf(region: Region, id: string): Promise<Instance | undefined> {
  const { context, sandbox, network } = region;
  const machine = (await listMachines(context, sandbox, network)).find((one) => one.id === id);
  if (machine === undefined) return undefined;
  const container = await ifExists(context.docker.getContainer(machine.container).inspect());
  return { address: machine.address, running: container?.State.Running === true };
}
