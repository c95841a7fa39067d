import { z } from 'zod';
import { checkReferences } from './interpolate.js';
import { parseSshAddress } from './parsers.js';
import {
  commandWords,
  duration,
  hostName,
  interpolatedText,
  name,
  optionalKeys,
  parsedText,
  path,
  singleLine,
  variableName,
} from './schema-types.js';
import { ServiceConfig } from './service-schema.js';

/*
 * The schema of `oneclick.yml`, before defaults. The JSON Schema and the reference are generated from its descriptions.
 *
 * Every key may be empty (`null`): in a service that means unset, in an environment's `services` it removes the value.
 */

const sshUser = singleLine.regex(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
  'must be letters, digits, dots, dashes or underscores',
);
const tcpPort = z
  .int('must be a whole number')
  .min(1, 'must be between 1 and 65535')
  .max(65_535, 'must be between 1 and 65535');
const hostKeys = z
  .enum(['known', 'accept-new'], 'must be known or accept-new')
  .describe(
    'How host keys are verified. `known` accepts only keys in known_hosts; `accept-new` also accepts the key of a new host. A changed key is always rejected. Default: `known`.',
  );

const transport = z
  .enum(['auto', 'system'], 'must be auto or system')
  .describe(
    'How to connect. `system` uses the `ssh` of this machine, with everything it supports. `auto` uses it only where a host needs it: for certificates, security keys, PKCS#11 and Kerberos. Default: `auto`.',
  );

const address = parsedText('must be an address, such as host, user@host or user@host:port', (text) => {
  checkReferences(text);
  if (!text.includes('${')) parseSshAddress(text);
  return text;
});

const bastion = optionalKeys({
  address,
  port: tcpPort,
  user: sshUser,
  key: path,
  known_hosts: path,
  host_keys: hostKeys,
});

const Ssh = optionalKeys({
  user: sshUser.describe('The login user. Default: from `~/.ssh/config`, as with `ssh`.'),
  port: tcpPort.describe('The SSH port. Default: from `~/.ssh/config`, else 22.'),
  key: path.describe(
    'Path of a private key, relative to this file’s folder; `~` is the home folder. Default: keys from the SSH agent and `~/.ssh`.',
  ),
  known_hosts: path.describe('Path of a known_hosts file to use instead of the user’s.'),
  host_keys: hostKeys,
  transport,
  bastion: z
    .union(
      [address.transform((value): z.output<typeof bastion> => ({ address: value })), bastion],
      'expected user@host:port, or a map with address, port, user, key, known_hosts, host_keys',
    )
    .describe(
      'The jump host to connect through: `user@host:port`, or a map. Inherits `key`, `known_hosts` and `host_keys` from `ssh`, but not `user` and `port`.',
    ),
});
export type SshConfig = z.output<typeof Ssh>;

const hostShape = optionalKeys({
  address: address.describe('DNS name or IP address. Supports `${VAR}`. Default: the host’s name.'),
  port: tcpPort,
  user: sshUser,
  key: path,
  id: hostName.describe('The instance ID, such as an EC2 instance ID. Default: the host’s name.'),
  services: z.array(name).describe('The services that may run on this host. Default: all.'),
});
export type HostConfig = z.output<typeof hostShape> & {
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
              namedHost.refine((host) => Object.keys(host).length === 1, 'must have one host per list item'),
            ],
            'expected an address, or a name with its settings',
          ),
        )
        .min(1, 'must have at least one host'),
      namedHost.refine((map) => Object.keys(map).length > 0, 'must have at least one host'),
    ],
    'expected a list or a map of hosts',
  )
  .transform((value): HostConfig[] =>
    Array.isArray(value)
      ? value.flatMap((item, index) =>
          typeof item === 'string' ? [{ address: item, at: [index] }] : named(item, [index]),
        )
      : named(value, []),
  );

function named(map: z.output<typeof namedHost>, at: readonly PropertyKey[]): HostConfig[] {
  return Object.entries(map).map(([key, host]) => ({ ...host, name: key, at: [...at, key] }));
}

const secretSource = optionalKeys({
  command: commandWords.describe(
    'Prints the value; one line end at the end of the output is dropped. Runs without a shell, at most once per run, and only if no other source has the value.',
  ),
  timeout: duration.describe('Time limit for the command. Default: 60s.'),
});
const sourceMap = z.record(variableName, secretSource.nullable());
const secrets = z
  .union(
    [sourceMap, z.array(z.union([variableName, sourceMap], 'expected a name, or a name with its command'))],
    'expected a list of names, or a map from names to {command}',
  )
  .transform(
    (value): z.output<typeof sourceMap> =>
      Array.isArray(value)
        ? Object.assign({}, ...value.map((item) => (typeof item === 'string' ? { [item]: null } : item)))
        : value,
  )
  .describe('Commands that print secrets which are neither in the environment nor in `.env.<environment>`.');

const registry = interpolatedText.describe(
  'The registry for built images: the prefix of their names, such as `ghcr.io/acme`. Supports `${VAR}`.',
);
const ssh = Ssh.describe('SSH connection settings. Unset keys are read from `~/.ssh/config`, as with `ssh`.');

/** An environment: under `environments`, or a file in the user's folder. */
export const EnvironmentConfig = optionalKeys({
  hosts: hosts.describe(
    'The hosts to deploy to: a list of addresses, or a map of names to `address`, `port`, `user`, `key`, `id` and `services`.',
  ),
  services: z
    .record(
      name,
      ServiceConfig.extend({
        hosts: z.array(hostName).describe('The hosts that run this service. Default: all.').nullish(),
      }).nullable(),
    )
    .describe(
      'Changes to services in this environment. Maps are merged, lists and values are replaced, and an empty key removes the value. An empty service does not run here.',
    ),
  ssh,
  registry,
  secrets,
});
export type EnvironmentConfig = z.output<typeof EnvironmentConfig>;

/** The whole `oneclick.yml`. */
export const ProjectConfig = z.strictObject({
  project: name.describe('The project name, used in container, network and image names.'),
  registry: registry.nullish(),
  services: z
    .record(name, ServiceConfig.nullable())
    .refine((map) => Object.keys(map).length > 0, 'must have at least one service')
    .describe('The services to deploy, by name. Services on the same host reach each other by these names.'),
  environments: z
    .record(name, EnvironmentConfig)
    .describe('The environments to deploy to, by name.')
    .nullish(),
  default_environment: name
    .describe('The environment to use without `--env`. Default: the only environment.')
    .nullish(),
  ssh: ssh.nullish(),
  secrets: secrets.nullish(),
});
export type ProjectConfig = z.output<typeof ProjectConfig>;
