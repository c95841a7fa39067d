import { z } from 'zod';
import type { Kind } from '../store.js';

/** What EC2 keeps of an instance. Whether it runs is not written here but asked of Docker. */
export interface Instance {
  readonly id: string;
  /** The host name of its container, which `docker ps` shows too: `ip-10-213-0-61`, or `sandbox-1`. */
  readonly name: string;
  /** One of the sandbox's own machines: it was made by `up`, and only `up` and `down` remove it. */
  readonly own: boolean;
  readonly reservation: string;
  /** Where in its reservation it stands, from 0. */
  readonly index: number;
  readonly image: string;
  readonly type: string;
  readonly subnet: string;
  readonly key?: string | undefined;
  /** As it came, in base64. */
  readonly userData?: string | undefined;
  readonly public: boolean;
  /** ISO 8601. */
  readonly launched: string;
  /** ClientToken, and a digest of what came with it. */
  readonly token?: string | undefined;
  readonly request?: string | undefined;
  /** What it is meant to be. */
  readonly goal: 'running' | 'stopped' | 'terminated';
  /** Being restarted, which EC2 shows as running. */
  readonly rebooting?: boolean | undefined;
  /** Since when it has its goal, ISO 8601. */
  readonly since: string;
  /** Why it has this goal, where it was not a user's wish at the start. */
  readonly reason?: { readonly code: string; readonly message: string } | undefined;
  readonly protected: { readonly termination: boolean; readonly stop: boolean };
  readonly shutdown: 'stop' | 'terminate';
  readonly hopLimit: number;
  readonly tokens: 'optional' | 'required';
  /** Until then not every Describe finds it; milliseconds since 1970. */
  readonly hiddenUntil?: number | undefined;
  /** How long it takes, s: to run, and from then on until its sshd answers, until the key is accepted, until its engine answers. */
  readonly delays?: Delays | undefined;
  /** It ends while it is pending. */
  readonly doomed?: boolean | undefined;
}

export interface Delays {
  readonly pending: number;
  readonly sshd: number;
  readonly key: number;
  readonly engine: number;
}

const text = z.string();
const flag = z.boolean();

export const instances: Kind<Instance> = {
  name: 'instance',
  schema: z.object({
    ...{ id: text, name: text, own: flag, reservation: text, index: z.number(), image: text, type: text },
    ...{ subnet: text, key: text.optional(), userData: text.optional(), public: flag, launched: text },
    ...{ token: text.optional(), request: text.optional(), since: text },
    goal: z.enum(['running', 'stopped', 'terminated']),
    rebooting: flag.optional(),
    reason: z.object({ code: text, message: text }).optional(),
    protected: z.object({ termination: flag, stop: flag }),
    shutdown: z.enum(['stop', 'terminate']),
    hopLimit: z.number(),
    tokens: z.enum(['optional', 'required']),
    ...{ hiddenUntil: z.number().optional(), doomed: flag.optional() },
    delays: z
      .object({ pending: z.number(), sshd: z.number(), key: z.number(), engine: z.number() })
      .optional(),
  }),
};

/**
 * An address of the VPC that is taken, by an instance or a load balancer: what has one has a network interface. A security
 * group that it has cannot be deleted.
 */
export interface Interface {
  readonly id: string;
  readonly address: string;
  readonly subnet: string;
  readonly groups: readonly string[];
  /** For load balancers as AWS writes it: `ELB app/web/50dc6c495c0c9188`. */
  readonly description: string;
  /** The instance that has it; none: a load balancer, whose interfaces nobody else can remove. */
  readonly instance?: string | undefined;
}

export const interfaces: Kind<Interface> = {
  name: 'network-interface',
  schema: z.object({
    ...{ id: text, address: text, subnet: text, groups: z.array(text), description: text },
    instance: text.optional(),
  }),
};

export interface KeyPair {
  readonly id: string;
  readonly name: string;
  readonly type: 'rsa' | 'ed25519';
  readonly fingerprint: string;
  /** As authorized_keys writes it. */
  readonly publicKey: string;
  readonly created: string;
}

export const keyPairs: Kind<KeyPair> = {
  name: 'key-pair',
  schema: z.object({
    ...{ id: text, name: text, type: z.enum(['rsa', 'ed25519']), fingerprint: text },
    ...{ publicKey: text, created: text },
  }),
};

/** One source (or destination) of a permission, as DescribeSecurityGroupRules shows it. */
export interface Rule {
  readonly id: string;
  readonly egress: boolean;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all. */
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
  /** Exactly one of the four is there. */
  readonly cidr?: string | undefined;
  readonly cidr6?: string | undefined;
  readonly prefixList?: string | undefined;
  readonly group?: string | undefined;
  readonly description?: string | undefined;
}

export interface Group {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly rules: readonly Rule[];
  /** Until then not every Describe finds it; milliseconds since 1970. */
  readonly hiddenUntil?: number | undefined;
}

const Source = z.object({
  ...{ cidr: text.optional(), cidr6: text.optional(), prefixList: text.optional(), group: text.optional() },
});

export const groups: Kind<Group> = {
  name: 'security-group',
  schema: z.object({
    ...{ id: text, name: text, description: text },
    rules: z.array(
      Source.extend({
        ...{ id: text, egress: flag, protocol: text, from: z.number(), to: z.number() },
        description: text.optional(),
      }),
    ),
    hiddenUntil: z.number().optional(),
  }),
};

export interface Tagged {
  readonly id: string;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
}

/** The tags of a resource, by its ID. */
export const tagged: Kind<Tagged> = {
  name: 'tags',
  schema: z.object({ id: text, tags: z.array(z.object({ Key: text, Value: text })) }),
};
