import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { parseImage } from '../domain/image.js';
import { parseJson } from '../domain/json.js';
import type { RegistryAuth } from '../host/host.js';
import type { Files } from './files.js';
import type { RunCommand } from './secrets.js';

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
/** The parts of Docker's own configuration that say how to log in; everything else in it is left alone. */
const DockerConfig = z.object({
  auths: z.record(z.string(), Entry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
const Helped = z.object({ Username: z.string(), Secret: z.string() });

/** Docker Hub's key in Docker's configuration. */
const hub = 'https://index.docker.io/v1/';
const helperTimeout = 30_000;

/** Where the caller's logins are: the folder of Docker's configuration (`DOCKER_CONFIG`, else `~/.docker`). */
export interface Logins {
  readonly folder: string;
  readonly files: Files;
  readonly run: RunCommand;
}

/**
 * The caller's login at the registry of an image, as `docker pull` would take it; undefined without one. Throws a failure of kind `access`
 * when the configuration cannot be read or a credential helper fails. Neither says what is in them.
 */
export async function registryAuth(reference: string, logins: Logins): Promise<RegistryAuth | undefined> {
  const { registry } = parseImage(reference);
  const server = registry === 'docker.io' ? hub : registry;
  const config = await readConfig(logins);
  const helper = config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? config.credsStore;
  const helped = helper ? await askHelper(helper, server, logins.run) : undefined;
  if (helped !== undefined) return helped;
  const key = Object.keys(config.auths ?? {}).find((written) => hostOf(written) === hostOf(server));
  const entry = key === undefined ? undefined : config.auths?.[key];
  return entry === undefined ? undefined : fromEntry(entry, server);
}

async function readConfig({ folder, files }: Logins): Promise<z.infer<typeof DockerConfig>> {
  const path = join(folder, 'config.json');
  const text = await files.read(path);
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text, which holds passwords.
    throw new Failure('access', 'registry.config', `${path} is not JSON`);
  }
  const parsed = DockerConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new Failure('access', 'registry.config', `${path} is not a configuration of Docker: ${where}`);
}

/** `https://ghcr.io/v2/` and `ghcr.io` are the same server. */
const hostOf = (server: string) => server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

function fromEntry(entry: z.infer<typeof Entry>, serveraddress: string): RegistryAuth | undefined {
  if (entry.identitytoken)
    return { username: '', password: '', identitytoken: entry.identitytoken, serveraddress };
  if (entry.username && entry.password)
    return { username: entry.username, password: entry.password, serveraddress };
  const [username, ...password] = Buffer.from(entry.auth ?? '', 'base64')
    .toString('utf8')
    .replace(/\0+$/, '')
    .split(':');
  if (!username || password.length === 0) return undefined;
  return { username, password: password.join(':'), serveraddress };
}

/** The protocol of credential helpers: https://github.com/docker/docker-credential-helpers#development */
async function askHelper(
  helper: string,
  serveraddress: string,
  run: RunCommand,
): Promise<RegistryAuth | undefined> {
  const program = `docker-credential-${helper}`;
  const failed = (why: string, evidence: readonly string[] = []) =>
    new Failure('access', 'registry.helper', `${program}: ${why}`, { evidence, hint: 'docker login' });
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) throw failed('not the name of a credential helper');
  const { code, stdout, stderr } = await run({
    argv: [program, 'get'],
    stdin: serveraddress,
    timeout: helperTimeout,
  });
  if (code !== 0) {
    if (/credentials not found/i.test(`${stdout}${stderr}`)) return undefined;
    throw failed(
      `ended with exit code ${code}`,
      stderr.trim() === '' ? [] : stderr.trim().split('\n').slice(-5),
    );
  }
  const answer = Helped.safeParse(parseJson(stdout));
  if (!answer.success) throw failed('gave an answer that is none');
  const { Username: username, Secret: secret } = answer.data;
  return username === '<token>'
    ? { username: '', password: '', identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}
