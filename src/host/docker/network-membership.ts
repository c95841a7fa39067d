import type { z } from 'zod';
import { ApiError } from './api.js';
import type { Inspected } from './container-facts.js';
import type { EngineCalls } from './engine-calls.js';

/** Has a container in a network under these names, instead of any that it has there. See `Engine.connect`. */
export async function joinNetwork(
  calls: EngineCalls,
  network: string,
  container: string,
  aliases: readonly string[],
  known: z.infer<typeof Inspected> | undefined,
): Promise<void> {
  const there = known?.NetworkSettings.Networks[network];
  if (there !== undefined) {
    // The engine adds the short ID to the aliases of its own accord.
    const own = there.Aliases.filter((alias) => !/^[0-9a-f]{12}$/.test(alias));
    if ([...own].sort().join() === [...aliases].sort().join()) return;
    await leaveNetwork(calls, network, container);
  }
  const body = { Container: container, EndpointConfig: { Aliases: aliases } };
  const request = { method: 'POST', path: `/networks/${network}/connect`, body } as const;
  await calls.send(`connecting ${container} to ${network}`, request);
}

/** Takes a container out of a network. See `Engine.disconnect`. */
export async function leaveNetwork(calls: EngineCalls, network: string, container: string): Promise<void> {
  const action = `disconnecting ${container} from ${network}`;
  const body = { Container: container, Force: true };
  try {
    await calls.raw(action, { method: 'POST', path: `/networks/${network}/disconnect`, body });
  } catch (error) {
    const apart =
      error instanceof ApiError && (error.status === 404 || /is not connected/.test(error.message));
    if (!apart) throw calls.translate(action, error);
  }
}
