import { z } from 'zod';
import type { Kind } from '../store.js';

/** The stored part of an instance; Docker knows whether it runs. */
export interface Instance {
  readonly id: string;
  /** The host name of its container: `ip-10-213-0-61` or `sandbox-1`. */
  readonly name: string;
  /** Created by `up`; only `up` and `down` remove it. */
  readonly own: boolean;
  readonly reservation: string;
  /** Index within its reservation, from 0. */
  readonly index: number;
  readonly image: string;
  readonly type: string;
  readonly subnet: string;
  readonly key?: string | undefined;
  /** Base64. */
  readonly userData?: string | undefined;
  readonly public: boolean;
  /** ISO 8601. */
  readonly launched: string;
  /** ClientToken; `request` is a digest of its request. */
  readonly token?: string | undefined;
  readonly request?: string | undefined;
  /** The target state. */
  readonly goal: 'running' | 'stopped' | 'terminated';
  /** Restarting, which EC2 shows as running. */
  readonly rebooting?: boolean | undefined;
  /** When the goal was set, ISO 8601. */
  readonly since: string;
  /** Why the goal changed after the launch. */
  readonly reason?: { readonly code: string; readonly message: string } | undefined;
  readonly protected: { readonly termination: boolean; readonly stop: boolean };
  readonly shutdown: 'stop' | 'terminate';
  readonly hopLimit: number;
  readonly tokens: 'optional' | 'required';
  /** May be NotFound until then; ms since 1970. */
  readonly hiddenUntil?: number | undefined;
  /** Simulated startup delays. */
  readonly delays?: Delays | undefined;
  /** Fails while pending. */
  readonly doomed?: boolean | undefined;
}

/** Seconds that each startup step waits after the previous one. */
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

/** A network interface: an address in use by an instance or a load balancer. Its security groups cannot be deleted. */
export interface Interface {
  readonly id: string;
  readonly address: string;
  readonly subnet: string;
  readonly groups: readonly string[];
  /** For load balancers: `ELB app/web/50dc6c495c0c9188`. */
  readonly description: string;
  /** Its instance; none for a load balancer, whose interfaces users cannot remove. */
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
  /** In authorized_keys format. */
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

/** One source or destination of a permission, as in DescribeSecurityGroupRules. */
export interface Rule {
  readonly id: string;
  readonly egress: boolean;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all. */
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
  /** Exactly one of these four is set. */
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
  /** May be NotFound until then; ms since 1970. */
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

/** Tags by resource ID. */
export const tagged: Kind<Tagged> = {
  name: 'tags',
  schema: z.object({ id: text, tags: z.array(z.object({ Key: text, Value: text })) }),
};
