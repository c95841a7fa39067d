import type { InjectFaults } from '../wire.js';
import { faultNamed } from './catalog.js';
import { held, linger } from './lingering.js';
import { isRealistic } from './profile.js';
import { strike } from './switches.js';

/** The faults that are switched on, and what lingers where the profile is realistic: the one place where they strike. */
export const injectFaults: InjectFaults = async (region, call) => {
  const struck = await strike(region, call.action);
  for (const name of struck) {
    const refusal = faultNamed(name).refusal?.(call, region);
    if (refusal !== undefined) throw refusal;
  }
  if (isRealistic(region)) {
    await linger(region);
    const refusal = held(region, call);
    if (refusal !== undefined) throw refusal;
  }
  return new Set(struck);
};
