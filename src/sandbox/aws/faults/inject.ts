import type { InjectFaults } from '../wire.js';
import { faultByName } from './catalog.js';
import { takeFaults } from './enabled-faults.js';
import { isRealistic } from './profile.js';
import { staleReferenceError, trackReferences } from './stale-references.js';

/** Applies the enabled faults and, with the realistic profile, stale references. */
export const injectFaults: InjectFaults = async (region, call) => {
  const names = await takeFaults(region, call.action);
  for (const name of names) {
    const error = faultByName(name).error?.(call, region);
    if (error !== undefined) throw error;
  }
  if (isRealistic(region)) {
    await trackReferences(region);
    const staleReference = staleReferenceError(region, call);
    if (staleReference !== undefined) throw staleReference;
  }
  return new Set(names);
};
