import { z } from 'zod';
import { checkReferences } from './interpolate.js';
import { parseSshAddress } from './parsers.js';
import { WrittenService } from './service.js';
import { duration, hostName, keys, marked, name, notation, path, plain, variable, words } from './terms.js';

/*
 * `oneclick.yml` as people write it: short forms are brought to their long form, nothing is filled in. The descriptions
 * here are the only ones: the JSON Schema and the reference are generated from them.
 *
 * Every key may be left empty (`null`): in a service that is the same as not writing it, in an environment's `services` it
 * takes away what the service says.
 */

const sshUser = plain.regex(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
  'a user is letters, digits, dots, dashes and underscores',
);
const tcpPort = z
  .int('a port is a whole number')
  .min(1, 'ports go from 1 to 65535')
  .max(65_535, 'ports go from 1 to 65535');
const hostKeys = z
  .enum(['known', 'accept-new'], 'must be known or accept-new')
  .describe(
    '`known`: refuse a host whose key is not in known_hosts. `accept-new`: take the key of a host never seen before. A changed key is always refused. Default: known.',
  );

const address = notation('an address is written host, user@host or user@host:port', (text) => {
  checkReferences(text);
  if (!text.includes('${')) parseSshAddress(text);
  return text;
});

const bastion = keys({
  address,
  port: tcpPort,
  user: sshUser,
  key: path,
  known_hosts: path,
  host_keys: hostKeys,
});

const Ssh = keys({
  user: sshUser.describe('Default: what `~/.ssh/config` says, as with `ssh`.'),
  port: tcpPort.describe('Default: what `~/.ssh/config` says, else 22.'),
  key: path.describe(
    'A private key; `~` is the home folder, other paths start at this file’s folder. Default: the agent and `~/.ssh`.',
  ),
  known_hosts: path.describe('A known_hosts file of its own instead of the user’s.'),
  host_keys: hostKeys,
  bastion: z
    .union(
      [address.transform((value): z.output<typeof bastion> => ({ address: value })), bastion],
      'expected user@host:port, or a map with address, port, user, key, known_hosts, host_keys',
    )
    .describe(
      'The host through which the others are reached: `user@host:port`, or a map. It takes key, known_hosts and host_keys from here, not user and port.',
    ),
});
export type WrittenSsh = z.output<typeof Ssh>;

const hostShape = keys({
  address: address.describe('Name or IP address. Default: the host’s name. `${VAR}` is replaced.'),
  port: tcpPort,
  user: sshUser,
  key: path,
  id: hostName.describe('The instance ID. Default: the host’s name.'),
  services: z.array(name).describe('Only these services run here. Default: all.'),
});
export type WrittenHost = z.output<typeof hostShape> & {
  readonly name?: string;
  readonly at: readonly PropertyKey[];
};

const hostValue = z.union(
  [address.transform((value): z.output<typeof hostShape> => ({ address: value })), hostShape],
  'expected an address, or a map with address, port, user, key, id, services',
);
const namedHost = z.record(hostName, hostValue.nullable());

const hosts = z
  .union(
    [
      z
        .array(
          z.union(
            [
              address,
              namedHost.refine((host) => Object.keys(host).length === 1, 'one host per item of the list'),
            ],
            'expected an address, or a name with its settings',
          ),
        )
        .min(1, 'at least one host'),
      namedHost.refine((map) => Object.keys(map).length > 0, 'at least one host'),
    ],
    'expected a list or a map of hosts',
  )
  .transform((written): WrittenHost[] =>
    Array.isArray(written)
      ? written.flatMap((item, index) =>
          typeof item === 'string' ? [{ address: item, at: [index] }] : named(item, [index]),
        )
      : named(written, []),
  );

function named(map: z.output<typeof namedHost>, at: readonly PropertyKey[]): WrittenHost[] {
  return Object.entries(map).map(([key, host]) => ({ ...host, name: key, at: [...at, key] }));
}

const secretSource = keys({
  command: words.describe(
    'Prints the value. Run without a shell, once per run, only when the value is nowhere else.',
  ),
  timeout: duration.describe('Default: 60s.'),
});
const sourceMap = z.record(variable, secretSource.nullable());
const secrets = z
  .union(
    [sourceMap, z.array(z.union([variable, sourceMap], 'expected a name, or a name with its command'))],
    'expected a list of names, or a map from names to {command}',
  )
  .transform(
    (written): z.output<typeof sourceMap> =>
      Array.isArray(written)
        ? Object.assign({}, ...written.map((item) => (typeof item === 'string' ? { [item]: null } : item)))
        : written,
  )
  .describe('Where the values of secrets come from beside the environment and `.env.<environment>`.');

const registry = marked.describe(
  'Where built images are pushed to and pulled from: the beginning of their names, such as `ghcr.io/acme`. `${VAR}` is replaced.',
);
const ssh = Ssh.describe(
  'How hosts are reached. What is not said here is taken from `~/.ssh/config`, as with `ssh`.',
);

/** An environment as written: under `environments`, or as a file of its own in the user's folder. */
export const WrittenEnvironment = keys({
  hosts: hosts.describe(
    'The machines: a list of addresses, or names with address, port, user, key, id and services.',
  ),
  services: z
    .record(
      name,
      WrittenService.extend({
        hosts: z.array(hostName).describe('Where it runs. Default: on every host.').nullish(),
      }).nullable(),
    )
    .describe(
      'What is different here: any key of a service. Maps are merged, lists and values replaced, an empty key removes; an empty service does not run here.',
    ),
  ssh,
  registry,
  secrets,
});
export type WrittenEnvironment = z.output<typeof WrittenEnvironment>;

/** `oneclick.yml` as written. */
export const WrittenProject = z.strictObject({
  project: name.describe('The name of the project: part of container, network and image names.'),
  registry: registry.nullish(),
  services: z
    .record(name, WrittenService.nullable())
    .refine((map) => Object.keys(map).length > 0, 'at least one service')
    .describe('What runs, by name. Services of one host reach each other by these names.'),
  environments: z.record(name, WrittenEnvironment).describe('Where it runs, by name.').nullish(),
  default_environment: name
    .describe('The environment of commands without `--env`. Default: the only one.')
    .nullish(),
  ssh: ssh.nullish(),
  secrets: secrets.nullish(),
});
export type WrittenProject = z.output<typeof WrittenProject>;
