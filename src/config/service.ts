import { z } from 'zod';
import { refuseOwnKeys } from './docker-keys.js';
import {
  parsePort,
  parsePortRange,
  parseSize,
  portPattern,
  portRangePattern,
  sizePattern,
} from './parsers.js';
import { duration, keys, marked, name, notation, path, plain, variable, words } from './terms.js';

const port = z
  .union(
    [
      z.int('a port is a whole number').transform((number) => String(number)),
      z
        .string('a port is written 3000, "80:3000" or "127.0.0.1:80:3000"')
        .meta({ pattern: portPattern.source }),
    ],
    'a port is written 3000, "80:3000" or "127.0.0.1:80:3000"',
  )
  .pipe(
    notation('expected a port', (text) => {
      parsePort(text);
      return text;
    }),
  );

const scalar = z.union(
  [marked, z.number().transform(String), z.boolean().transform(String)],
  'expected text, a number, true or false',
);

const health = keys({
  path: z
    .string('the path of a request, such as /up')
    .regex(/^\/[^\s#]*$/, 'must start with / and have no blanks')
    .describe(
      'The path of an HTTP request to the container; 2xx and 3xx are healthy. Without it the port must accept a connection; without a port, Docker’s HEALTHCHECK decides.',
    ),
  interval: duration.describe('Between two probes. Default: 500ms.'),
  timeout: duration.describe('For one probe. Default: 5s.'),
  deadline: duration.describe(
    'From the start to the first healthy answer; then the release has failed. Default: 60s.',
  ),
  settle: duration.describe(
    'How long a container with neither port nor HEALTHCHECK must have run to be healthy. Default: 3s.',
  ),
});

const build = keys({
  context: path.describe('The folder that is sent to the builder, from the project’s folder. Default: `.`.'),
  dockerfile: path.describe('The Dockerfile, from the context. Default: `Dockerfile`.'),
  args: z
    .record(variable, scalar.nullable())
    .describe('Build arguments. Never secrets: they stay in the image.'),
  target: plain.describe('The stage to build, of a Dockerfile with several.'),
  secrets: z
    .array(variable)
    .describe(
      'Names of secrets that the build may read, each as `RUN --mount=type=secret,id=NAME`. Their values are found as those of a service are, and get neither into the image nor into a command line. Needs BuildKit.',
    ),
});

const releaseCommand = keys({
  command: words.describe('What runs in the new image.'),
  timeout: duration.describe('Then it has failed. Default: 10m.'),
  on_later_failure: z
    .enum(['revert', 'stop'])
    .describe(
      'When a later step fails: take the containers back all the same (the command’s own effects stay), or stop there. Default: revert.',
    ),
  'on-later-failure': z.enum(['revert', 'stop']).describe('The same as `on_later_failure`.'),
});

/** A service as written: in full under `services`, in part under an environment's `services`. */
export const WrittenService = keys({
  image: marked.describe(
    'The image to run, for instance `postgres:16`. `${VAR}` is replaced. Together with `build`: the repository to push to, without a tag. Its digest is recorded at the first deploy and moves only when the service is named.',
  ),
  build: z
    .union(
      [path.transform((context): z.output<typeof build> => ({ context })), build],
      'expected a folder, or a map with context, dockerfile, args, target, secrets',
    )
    .describe('Build the image from the project instead; the tag follows the commit. A folder, or a map.'),
  port: port.describe(
    'The port that is published: `3000`, `"80:3000"` (instance:container) or `"127.0.0.1:80:3000"`.',
  ),
  health: z
    .union(
      [
        health.shape.path
          .unwrap()
          .unwrap()
          .transform((value): z.output<typeof health> => ({ path: value })),
        health,
      ],
      'expected a path such as /up, or a map with path, interval, timeout, deadline, settle',
    )
    .describe('How a new container proves that it works, before anything old is given up. A path, or a map.'),
  env: z
    .record(variable, scalar.nullable())
    .describe(
      'Variables of the container. `${VAR}` and `${VAR:-default}` come from the environment of the one who deploys; `$$` is a dollar sign.',
    ),
  secrets: z
    .array(variable)
    .describe(
      'Names of variables whose values are kept elsewhere: in the environment, in `.env.<environment>`, or behind a command (see the top-level `secrets`).',
    ),
  volumes: z
    .array(
      plain.regex(
        /^(?:[A-Za-z0-9][A-Za-z0-9_.-]+|\/[^:$]*):\/[^:$]*(?::(?:ro|rw))?$/,
        'a volume is written name:/path or /path/on/host:/path, with :ro at the end for read-only',
      ),
    )
    .describe('`name:/path`, `/path/on/host:/path`, either with `:ro`. Never removed.'),
  command: words.describe(
    'What to run instead of the image’s own command: a list of words, or a string that is split at blanks (quotes group; anything that needs a shell is refused).',
  ),
  memory: notation('a size is a number with its unit: 512m, 1g', parseSize, sizePattern).describe(
    'The most memory that it gets: `512m`, `1g`.',
  ),
  cpus: z
    .number()
    .min(0.01, 'must be at least 0.01')
    .max(4096)
    .describe('The most processors that it gets; `0.5` is half of one.'),
  user: z
    .union(
      [
        z.int().min(0).transform(String),
        plain.regex(
          /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
          'a user is written name, 1000 or 1000:1000',
        ),
      ],
      'a user is written name, 1000 or 1000:1000',
    )
    .describe('The user inside the container: a name, a number, or `1000:1000`.'),
  restart: z
    .enum(
      ['no', 'on-failure', 'unless-stopped', 'always'],
      'must be no, on-failure, unless-stopped or always',
    )
    .describe(
      'What Docker does when it ends. `always` is taken as `unless-stopped`. Default: unless-stopped.',
    ),
  stop: keys({
    signal: plain
      .regex(/^(?:SIG)?[A-Z]+[0-9]*(?:[+-][0-9]+)?$/, 'a signal is written SIGTERM, SIGQUIT, …')
      .describe('What asks it to end. Default: the image’s own, else SIGTERM.'),
    timeout: duration.describe('After this it is killed. Default: 10s.'),
  }).describe('How it is stopped.'),
  swap: z
    .enum(['plain', 'beside', 'drain'], 'must be plain, beside or drain')
    .describe(
      'How the new takes the place of the old. `plain`: stop, start, with a short gap. `beside`: both run until the load balancer has changed over. `drain`: out of the load balancer, swap, in again. Default: beside with a target group (drain where it is a singleton or has volumes), else plain.',
    ),
  target_group: marked.describe(
    'The target group of its load balancer, by name or ARN: instances are registered there by their IDs. `${VAR}` is replaced. AWS is reached as by its own tools: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL.',
  ),
  port_range: notation('a range of ports is written 20000-20999', parsePortRange, portRangePattern).describe(
    'Where the load balancer finds the containers when it is swapped `beside`: each gets a free port of these on its instance. Default: 20000-20999.',
  ),
  singleton: z
    .boolean()
    .describe(
      'Two of it must never run: it gets one host (the first, or the one under `hosts`) and is never `beside`.',
    ),
  needs: z.array(name).describe('Services that are deployed before this one.'),
  keep: z
    .int()
    .min(2, 'at least 2: the current release and one to go back to')
    .max(1000)
    .describe('How many activated releases stay on an instance, ready to go back to. Default: 5.'),
  release_command: z
    .union(
      [words.transform((command): z.output<typeof releaseCommand> => ({ command })), releaseCommand],
      'expected a command, or a map with command, timeout, on_later_failure',
    )
    .describe(
      'Runs once per deploy in the new image before anything is swapped: migrations. Not taken back, not run by a rollback. A command, or a map.',
    ),
  docker: z
    .record(z.string(), z.unknown())
    .superRefine(refuseOwnKeys)
    .describe(
      'Any other key of the Docker API’s container configuration, for instance `HostConfig: {ShmSize: 67108864}`, except those that oneclick sets itself.',
    ),
});
export type WrittenService = z.output<typeof WrittenService>;
