import type { Context } from '../context.js';
import type { Network } from '../network.js';
import type { Store } from './store.js';

/** The state that API actions work on: one region of one account, which is one sandbox. */
export interface Region {
  readonly context: Context;
  /** The sandbox's name. */
  readonly sandbox: string;
  /** The sandbox's network, which represents the VPC. */
  readonly network: Network;
  /** The Docker image of machines, instances and load balancers. */
  readonly image: string;
  readonly store: Store;
  /** Returns a number from 0 to 1 from the sandbox's seed; each key has its own sequence, so runs can be repeated. */
  random(key?: string): number;
  /** Restarts all sequences with a new seed. */
  reseed(seed: string): void;
}

/** Names of the faults that one call has to simulate. */
export type CallFaults = ReadonlySet<string>;

/** Region and account in ARNs and responses. */
export const region = 'us-east-1';
export const account = '000000000000';

/** An API action: takes the decoded request, returns the response to encode. */
export type Action<Input, Output> = (input: Input, region: Region, faults: CallFaults) => Promise<Output>;

/** An error response of the API; `code` as on the wire: `InvalidInstanceID.NotFound`. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}
