import { z } from 'zod';
import { refuseOwnKeys } from './docker-keys.js';
import { HealthConfig, healthPath } from './health-schema.js';
import {
  parsePort,
  parsePortRange,
  parseSize,
  portPattern,
  portRangePattern,
  sizePattern,
} from './parsers.js';
import {
  commandWords,
  duration,
  interpolatedText,
  name,
  optionalKeys,
  parsedText,
  path,
  singleLine,
  variableName,
} from './schema-types.js';

const port = z
  .union(
    [
      z.int('must be a whole number').transform((number) => String(number)),
      z
        .string('must be a port, such as 3000, "80:3000" or "127.0.0.1:80:3000"')
        .meta({ pattern: portPattern.source }),
    ],
    'must be a port, such as 3000, "80:3000" or "127.0.0.1:80:3000"',
  )
  .pipe(
    parsedText('must be a port', (text) => {
      parsePort(text);
      return text;
    }),
  );

const scalar = z.union(
  [interpolatedText, z.number().transform(String), z.boolean().transform(String)],
  'must be text, a number, true or false',
);

const confirm = optionalKeys({
  host: interpolatedText.describe(
    'The host name to request. Supports `${VAR}`. Default: from the rule that forwards to the target group, else the load balancer’s address.',
  ),
  path: healthPath.describe(
    'The path to request; a 2xx or 3xx response confirms the release. Default: the path of the health check, or one that the rule forwards.',
  ),
  from: z
    .enum(['host', 'here'], 'must be host or here')
    .describe(
      'Where to send the request from: the service’s first `host`, or `here`, this machine. Default: `host`.',
    ),
  off: z.boolean().describe('Sends no request.'),
});

const build = optionalKeys({
  context: path.describe('The build context, relative to the project’s folder. Default: `.`.'),
  dockerfile: path.describe('The Dockerfile, relative to the context. Default: `Dockerfile`.'),
  args: z
    .record(variableName, scalar.nullable())
    .describe('Build arguments. Do not pass secrets: arguments stay in the image.'),
  target: singleLine.describe('The stage of a multi-stage Dockerfile to build.'),
  secrets: z
    .array(variableName)
    .describe(
      'Names of secrets to expose to the build as `RUN --mount=type=secret,id=NAME`. Values have the same sources as a service’s secrets and never reach the image or a command line. Requires BuildKit.',
    ),
});

const releaseCommand = optionalKeys({
  command: commandWords.describe('The command to run in the new image.'),
  timeout: duration.describe('Time limit; the command fails after it. Default: 10m.'),
  on_later_failure: z
    .enum(['revert', 'stop'])
    .describe(
      'What to do if a later step fails: `revert` the containers (the effects of this command stay), or `stop`. Default: `revert`.',
    ),
  'on-later-failure': z.enum(['revert', 'stop']).describe('Alias of `on_later_failure`.'),
});

/** A service under `services`, or changes to one under an environment's `services`. */
export const ServiceConfig = optionalKeys({
  image: interpolatedText.describe(
    'The image to run, such as `postgres:16`. Supports `${VAR}`. With `build`, the repository to push to, without a tag. The first deploy pins the digest; it changes only if a later deploy names the service.',
  ),
  build: z
    .union(
      [path.transform((context): z.output<typeof build> => ({ context })), build],
      'must be a folder, or a map with context, dockerfile, args, target, secrets',
    )
    .describe('Builds the image from source and tags it with the commit. A folder, or a map.'),
  port: port.describe('The port to publish: `3000`, `"80:3000"` (host:container) or `"127.0.0.1:80:3000"`.'),
  health: z
    .union(
      [healthPath.transform((value): z.output<typeof HealthConfig> => ({ path: value })), HealthConfig],
      'must be a path such as /up, or a map such as { path: /up, deadline: 2m }',
    )
    .describe(
      'The health check that a new container must pass before it replaces the old one. A path, or a map.',
    ),
  env: z
    .record(variableName, scalar.nullable())
    .describe(
      'Environment variables. `${VAR}` and `${VAR:-default}` read variables of the machine that deploys; `$$` is a dollar sign.',
    ),
  secrets: z
    .array(variableName)
    .describe(
      'Names of secret environment variables. Values come from the environment, `.env.<environment>`, or a command (see the top-level `secrets`).',
    ),
  volumes: z
    .array(
      singleLine.regex(
        /^(?:[A-Za-z0-9][A-Za-z0-9_.-]+|\/[^:$]*):\/[^:$]*(?::(?:ro|rw))?$/,
        'must be name:/path or /host/path:/path, optionally with :ro',
      ),
    )
    .describe(
      'Volumes: `name:/path` or `/host/path:/path`, optionally with `:ro`. Volumes are never removed.',
    ),
  command: commandWords.describe(
    'Replaces the image’s command. A list of words, or a string that is split at spaces; quotes group words. Shell syntax is rejected.',
  ),
  memory: parsedText('must be a size, such as 512m or 1g', parseSize, sizePattern).describe(
    'Memory limit, such as `512m` or `1g`.',
  ),
  cpus: z.number().min(0.01, 'must be at least 0.01').max(4096).describe('CPU limit; `0.5` is half a core.'),
  user: z
    .union(
      [
        z.int().min(0).transform(String),
        singleLine.regex(
          /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
          'must be a user, such as app, 1000 or 1000:1000',
        ),
      ],
      'must be a user, such as app, 1000 or 1000:1000',
    )
    .describe('The user in the container: a name, an ID, or `1000:1000`.'),
  restart: z
    .enum(
      ['no', 'on-failure', 'unless-stopped', 'always'],
      'must be no, on-failure, unless-stopped or always',
    )
    .describe(
      'Docker’s restart policy: `no`, `on-failure` or `unless-stopped`. `always` is treated as `unless-stopped`. Default: `unless-stopped`.',
    ),
  stop: optionalKeys({
    signal: singleLine
      .regex(/^(?:SIG)?[A-Z]+[0-9]*(?:[+-][0-9]+)?$/, 'must be a signal, such as SIGTERM or SIGQUIT')
      .describe('The stop signal. Default: from the image, else `SIGTERM`.'),
    timeout: duration.describe('Time to wait before the container is killed. Default: 10s.'),
  }).describe('How to stop a container.'),
  swap: z
    .enum(['plain', 'beside', 'drain'], 'must be plain, beside or drain')
    .describe(
      'How to replace the old container. `plain`: stop it, then start the new one, with a short gap. `beside`: run both until the load balancer has switched. `drain`: deregister from the load balancer, replace, register again. Default: `beside` with a target group (`drain` for singletons and services with volumes), else `plain`.',
    ),
  target_group: interpolatedText.describe(
    'The load balancer’s target group, by name or ARN. Instances are registered by ID. Supports `${VAR}`. AWS is configured as for the AWS CLI: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`.',
  ),
  confirm: z
    .union(
      [z.literal(['off', false]).transform((): z.output<typeof confirm> => ({ off: true })), confirm],
      'must be off, or a map with host, path, from, off',
    )
    .describe(
      'The request that confirms a release through the load balancer. By default it is derived from the load balancer’s rules. `off`, or a map.',
    ),
  port_range: parsedText(
    'must be a port range, such as 20000-20999',
    parsePortRange,
    portRangePattern,
  ).describe(
    'The host ports for `swap: beside`: each container gets a free port from this range. Default: 20000-20999.',
  ),
  singleton: z
    .boolean()
    .describe(
      'Never runs two containers at once. Uses one host (the first, or the one under `hosts`) and cannot be swapped `beside`.',
    ),
  needs: z.array(name).describe('Services to deploy before this one.'),
  keep: z
    .int()
    .min(2, 'must be at least 2: the current release and one to roll back to')
    .max(1000)
    .describe('The number of activated releases to keep on an instance for rollback. Default: 5.'),
  release_command: z
    .union(
      [commandWords.transform((command): z.output<typeof releaseCommand> => ({ command })), releaseCommand],
      'must be a command, or a map with command, timeout, on_later_failure',
    )
    .describe(
      'Runs once per deploy in the new image, before any container is replaced, such as a migration. Never undone and not run by a rollback. A command, or a map.',
    ),
  docker: z
    .record(z.string(), z.unknown())
    .superRefine(refuseOwnKeys)
    .describe(
      'Other keys of the Docker API’s container configuration, such as `HostConfig: {ShmSize: 67108864}`. Keys that oneclick sets itself are rejected.',
    ),
});
export type ServiceConfig = z.output<typeof ServiceConfig>;
