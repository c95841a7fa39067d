import { z } from 'zod';
import { parseStatus, statusPattern } from './parsers.js';
import { commandWords, duration, optionalKeys, parsedText, singleLine } from './schema-types.js';

/** The path of a health check, also the short form of `health`. */
export const healthPath = z
  .string('must be a path, such as /up')
  .regex(/^\/[^\s#]*$/, 'must start with / and contain no spaces')
  .describe(
    'The path to request over HTTP; a 2xx response is healthy, and a redirect is not (see `status`). Without a path, the port must accept a connection. Without a port, Docker’s HEALTHCHECK decides.',
  );

const plainRule =
  'must be plain text: variables are not interpolated here, and secrets would be kept in the release log';
const plainValue = singleLine.regex(/^(?!.*\$\{)/, plainRule);

const hostRule = 'must be a host name, such as shop.example.com, optionally with a port';
const host = z
  .string(hostRule)
  .max(255, hostRule)
  .regex(/^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/, hostRule);

/** Headers that the HTTP client sets itself. */
const ownHeaders = ['connection', 'content-length', 'host', 'transfer-encoding', 'upgrade'];

const headers = z
  .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header'), plainValue)
  .superRefine((value, context) => {
    for (const name of Object.keys(value))
      if (ownHeaders.includes(name.toLowerCase())) {
        const instead = name.toLowerCase() === 'host' ? ': use health: { host: … }' : '';
        context.addIssue({ code: 'custom', path: [name], message: `${name} cannot be set${instead}` });
      }
  });

const statusRule = 'must be a status code, a range such as 200-299, or a list of them';
const oneStatus = z
  .union([z.int().transform(String), z.string().meta({ pattern: statusPattern.source })], statusRule)
  .pipe(parsedText(statusRule, parseStatus));

/** The keys of `health`. */
export const HealthConfig = optionalKeys({
  path: healthPath,
  host: host.describe(
    'The Host header of the request, for applications that answer to their own name only (Django’s `ALLOWED_HOSTS`, Rails’ `config.hosts`, virtual hosts). Also the server name for `scheme: https`. Default: `localhost` and the port.',
  ),
  headers: headers.describe(
    'More headers of the request, such as `X-Forwarded-Proto: https` for an application that redirects to HTTPS otherwise. Plain text without variables. Do not put secrets here: the release log keeps the values.',
  ),
  scheme: z
    .enum(['http', 'https'], 'must be http or https')
    .describe(
      '`https` for a container that speaks TLS itself. Any certificate is accepted, because the request does not leave the host. Default: `http`.',
    ),
  status: z
    .union([oneStatus.transform((one) => [one]), z.array(oneStatus).min(1, 'must not be empty')], statusRule)
    .describe('The status codes that are healthy: a code, a range, or a list of them. Default: `200-299`.'),
  port: z
    .int('must be a port, such as 9000')
    .min(1)
    .max(65_535)
    .describe(
      'The port in the container to check instead of `port`, such as an admin port. It need not be published: the request goes to the container’s own address.',
    ),
  command: commandWords.describe(
    'A command in the container that must exit with 0, instead of a request. A list of words, or a string that is split at spaces; shell syntax is rejected.',
  ),
  interval: duration.describe('Time between checks. Default: 500ms.'),
  timeout: duration.describe('Time limit for one check. Default: 5s.'),
  deadline: duration.describe(
    'Time limit from start to the first healthy check; the release fails after it. Default: 60s.',
  ),
  settle: duration.describe(
    'How long a container without a port or HEALTHCHECK must run to be healthy. Default: 3s.',
  ),
});
