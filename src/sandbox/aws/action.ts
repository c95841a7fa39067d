import type { Context } from '../context.js';
import type { Network } from '../network.js';
import type { Store } from './store.js';

/** What the actions of the endpoint work on: one region of one account, which is one sandbox. */
export interface Region {
  readonly context: Context;
  /** The sandbox's name. */
  readonly sandbox: string;
  /** Its network, which stands for the VPC. */
  readonly network: Network;
  /** The image of machines, instances and load balancers. */
  readonly image: string;
  readonly store: Store;
  /**
   * 0 to 1, from the seed of the sandbox: a failure can be replayed. What is drawn of one thing does not depend on how often something
   * else was.
   */
  random(of?: string): number;
  /** Lets the numbers begin anew, with those of this seed. */
  reseed(seed: string): void;
}

/** The names of the faults that strike one call and show in what comes of it. */
export type Struck = ReadonlySet<string>;

/** What AWS calls them in ARNs and answers. */
export const region = 'us-east-1';
export const account = '000000000000';

/** One action of the API: is handed the decoded request, answers what is encoded into the reply. Few care for what strikes the call. */
export type Action<Input, Output> = (input: Input, region: Region, struck: Struck) => Promise<Output>;

/** What the API answers instead: `code` as on the wire, like `InvalidInstanceID.NotFound`. */
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
