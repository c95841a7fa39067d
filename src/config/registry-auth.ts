import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../domain/failure.js';
import { parseImage } from '../domain/image.js';
import { parseJson } from '../domain/json.js';
import { ecrRegistry } from '../domain/registry-error.js';
import type { RegistryAuth } from '../host/host.js';
import type { Files } from './files.js';
import type { RunCommand } from './secrets.js';

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
/** The parts of Docker's configuration that hold logins. */
const DockerConfig = z.object({
  auths: z.record(z.string(), Entry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
const HelperOutput = z.object({ Username: z.string(), Secret: z.string() });

/** Docker Hub's key in Docker's configuration. */
const hub = 'https://index.docker.io/v1/';
const helperTimeout = 30_000;

/** Access to the logins in a Docker configuration (`DOCKER_CONFIG`, else `~/.docker`). */
export interface RegistryLogins {
  readonly folder: string;
  readonly files: Files;
  readonly run: RunCommand;
  /** Also tries the helper of AWS ECR if it is not configured: it uses the role of the machine. */
  readonly tryEcr?: boolean;
}

/**
 * Returns the login that `docker pull` would use for an image, or undefined. Throws a failure of kind `access` if the
 * configuration is invalid or a credential helper fails; its text contains no credentials.
 */
export async function registryAuth(
  reference: string,
  logins: RegistryLogins,
): Promise<RegistryAuth | undefined> {
  const { registry } = parseImage(reference);
  const server = registry === 'docker.io' ? hub : registry;
  const config = await readConfig(logins);
  const helper = config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? config.credsStore;
  const helped = helper ? await runHelper(helper, server, logins) : undefined;
  if (helped !== undefined) return helped;
  const key = Object.keys(config.auths ?? {}).find((written) => hostOf(written) === hostOf(server));
  const entry = key === undefined ? undefined : config.auths?.[key];
  if (entry !== undefined) return fromEntry(entry, server);
  return logins.tryEcr === true && helper === undefined && ecrRegistry.test(registry)
    ? runHelper('ecr-login', server, logins).catch(() => undefined)
    : undefined;
}

async function readConfig({ folder, files }: RegistryLogins): Promise<z.infer<typeof DockerConfig>> {
  const path = join(folder, 'config.json');
  const text = await files.read(path);
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The error of JSON.parse quotes the text, which holds passwords.
    throw new Failure('access', 'registry.config', `${path} is not JSON`);
  }
  const parsed = DockerConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new Failure('access', 'registry.config', `${path} is not a valid Docker configuration: ${where}`);
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
async function runHelper(
  helper: string,
  serveraddress: string,
  { run, folder }: RegistryLogins,
): Promise<RegistryAuth | undefined> {
  const program = `docker-credential-${helper}`;
  const failed = (why: string, evidence: readonly string[] = []) =>
    new Failure('access', 'registry.helper', `${program}: ${why}`, { evidence, hint: 'docker login' });
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) throw failed('invalid credential helper name');
  const command = { argv: [program, 'get'], stdin: serveraddress, timeout: helperTimeout };
  const { code, stdout, stderr } = await run(command).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'command.start') return missing;
    throw error;
  });
  if (code === missing.code)
    throw new Failure(
      'access',
      'registry.helper',
      `${program} is not installed, but ${join(folder, 'config.json')} uses it for ${serveraddress}`,
      { hint: `install ${program}, or remove it from that file` },
    );
  if (code !== 0) {
    if (/credentials not found/i.test(`${stdout}${stderr}`)) return undefined;
    throw failed(`exited with code ${code}`, stderr.trim() === '' ? [] : stderr.trim().split('\n').slice(-5));
  }
  const output = HelperOutput.safeParse(parseJson(stdout));
  if (!output.success) throw failed('returned an invalid response');
  const { Username: username, Secret: secret } = output.data;
  return username === '<token>'
    ? { username: '', password: '', identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}

/** A shell's answer for a program that does not exist. */
const missing = { code: 127, stdout: '', stderr: '' };
