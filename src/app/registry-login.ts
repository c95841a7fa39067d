import { join } from 'node:path';
import { localFiles } from '../config/files.js';
import { type RegistryLogins, registryAuth } from '../config/registry-auth.js';
import { Failure } from '../domain/failure.js';
import { parseImage } from '../domain/image.js';
import type { Host, RegistryAuth, WithLogin } from '../host/host.js';
import { runHere, type Session } from './session.js';

/** Returns the logins of a session: of this machine, of the hosts, and `transferLogin` for images sent from here. */
export function registryLogins(
  { context, project }: Session,
  transferLogin: RegistryAuth | undefined,
): WithLogin {
  const logins: RegistryLogins = {
    folder: context.env.DOCKER_CONFIG || join(context.home, '.docker'),
    files: localFiles,
    run: (command) => runHere(context, project.folder, command),
  };
  const own = async (reference: string) =>
    parseImage(reference).registry === transferLogin?.serveraddress
      ? transferLogin
      : registryAuth(reference, logins);
  const onSecret = (value: string) => void context.redaction.add(value);
  return (host, reference, ask) => withLogin({ own, onSecret }, host, reference, ask);
}

interface LoginSources {
  /** The login of this machine. */
  readonly own: (reference: string) => Promise<RegistryAuth | undefined>;
  /** Receives each secret that is read from a host, so that output can be redacted. */
  readonly onSecret: (value: string) => void;
}

/**
 * Asks a registry for an image with the login of this machine. If there is none and the registry denies access, asks again with
 * the host's own login, if it has one.
 */
async function withLogin<T>(
  { own, onSecret }: LoginSources,
  host: Host,
  reference: string,
  ask: (login: RegistryAuth | undefined) => Promise<T>,
): Promise<T> {
  const login = await own(reference);
  try {
    return await ask(login);
  } catch (error) {
    const isDenied = error instanceof Failure && error.kind === 'access';
    if (login !== undefined || !isDenied) throw error;
    const hostLogin = await loginOf(host, reference, error);
    if (hostLogin === undefined) throw error;
    for (const secret of [hostLogin.password, hostLogin.identitytoken]) if (secret) onSecret(secret);
    return ask(hostLogin);
  }
}

/** The login of the SSH user. Throws the denial, with the reason why the login cannot be read. */
async function loginOf(host: Host, reference: string, denial: Failure): Promise<RegistryAuth | undefined> {
  try {
    return await registryAuth(reference, loginsOf(host));
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'access') throw error;
    const { kind, code, message, cause } = denial;
    const evidence = [`the login of ${host.name}: ${error.message}`, ...error.evidence];
    const hint = error.hint ?? denial.hint ?? '';
    throw new Failure(kind, code, message, { host: host.name, evidence, hint, cause });
  }
}

/** ms */
const readTimeout = 15_000;
const configScript = `cat "\${DOCKER_CONFIG:-$HOME/.docker}/config.json" 2>/dev/null; :`;

/** The Docker configuration of the SSH user; the engine does not read it, only the CLI does. */
function loginsOf(host: Host): RegistryLogins {
  return {
    folder: '~/.docker',
    files: {
      read: async () => {
        const { stdout } = await host.run({ argv: ['sh', '-c', configScript], timeout: readTimeout });
        return stdout.trim() === '' ? undefined : stdout;
      },
      list: async () => [],
    },
    run: (command) => host.run(command),
    tryEcr: true,
  };
}
