import type { z } from 'zod';
import { ApiError } from './api.js';
import type { Inspected } from './container-facts.js';
import type { EngineCalls } from './engine-calls.js';

/** Connects a container to a network; these aliases replace any others. See `Engine.connect`. */
export async function joinNetwork(
  calls: EngineCalls,
  network: string,
  container: string,
  aliases: readonly string[],
  known: z.infer<typeof Inspected> | undefined,
): Promise<void> {
  const joined = known?.NetworkSettings.Networks[network];
  if (joined !== undefined) {
    // The engine adds the short ID as an alias.
    const own = joined.Aliases.filter((alias) => !/^[0-9a-f]{12}$/.test(alias));
    if ([...own].sort().join() === [...aliases].sort().join()) return;
    await leaveNetwork(calls, network, container);
  }
  const body = { Container: container, EndpointConfig: { Aliases: aliases } };
  const request = { method: 'POST', path: `/networks/${network}/connect`, body } as const;
  await calls.send(`connect ${container} to ${network}`, request);
}

/** Disconnects a container from a network. See `Engine.disconnect`. */
export async function leaveNetwork(calls: EngineCalls, network: string, container: string): Promise<void> {
  const action = `disconnect ${container} from ${network}`;
  const body = { Container: container, Force: true };
  try {
    await calls.raw(action, { method: 'POST', path: `/networks/${network}/disconnect`, body });
  } catch (error) {
    const isDisconnected =
      error instanceof ApiError && (error.status === 404 || /is not connected/.test(error.message));
    if (!isDisconnected) throw calls.translate(action, error);
  }
}
