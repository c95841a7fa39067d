import { Failure } from '../../domain/failure.js';
import { count } from '../../domain/measure.js';
import { openDocker } from '../build/docker-cli.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import type { Finding } from './finding.js';
import { check, failed, passed, warning } from './finding.js';

const group = 'this machine';
const keysGroup = 'keys and agent';
/** ms */
const commandTimeout = 10_000;

/** Checks Node.js, ssh, git and the SSH agent, and docker if `builds` is true. */
export async function checkMachine(context: Context, builds: boolean): Promise<readonly Finding[]> {
  const found = await Promise.all([
    checkNode(process.versions.node),
    checkSsh(context),
    checkGit(context),
    builds ? checkDocker(context) : [],
    checkAgent(context),
  ]);
  return found.flat();
}

/** Checks the version of Node.js. */
export function checkNode(version: string): readonly Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [passed(group, 'node', version)];
  const old = new Failure('usage', 'node.old', `${version} is older than 20.19`, {
    hint: 'install a newer version: https://nodejs.org/en/download',
  });
  return [failed(group, 'node', old)];
}

async function checkSsh(context: Context): Promise<readonly Finding[]> {
  const answer = await tryLocal(context, ['ssh', '-V']);
  if (answer !== undefined) return [passed(group, 'ssh', answer.stderr.trim().split(',')[0] ?? '')];
  const missing = new Failure('access', 'ssh.missing', 'ssh is not installed', {
    hint: 'apt-get install openssh-client',
  });
  return [failed(group, 'ssh', missing)];
}

async function checkGit(context: Context): Promise<readonly Finding[]> {
  const answer = await tryLocal(context, ['git', '--version']);
  return answer === undefined
    ? [warning(group, 'git', 'git is not installed, so releases have no commit', 'apt-get install git')]
    : [passed(group, 'git', answer.stdout.trim().replace('git version ', ''))];
}

function checkDocker(context: Context): Promise<readonly Finding[]> {
  return check(group, 'docker', async () => {
    const { version, engine, builder } = await openDocker(context);
    const text = `${version}, engine ${engine}`;
    return builder === 'classic'
      ? [warning(group, 'docker', `${text}, without BuildKit`, 'apt-get install docker-buildx')]
      : [passed(group, 'docker', text)];
  });
}

async function checkAgent(context: Context): Promise<readonly Finding[]> {
  if (!context.env.SSH_AUTH_SOCK) return [passed(keysGroup, 'agent', 'none; keys are read from files')];
  const answer = await tryLocal(context, ['ssh-add', '-l']);
  if (answer?.code === 0) {
    return [passed(keysGroup, 'agent', `has ${count(answer.stdout.trim().split('\n').length, 'key')}`)];
  }
  return answer?.code === 1
    ? [warning(keysGroup, 'agent', 'has no keys', 'ssh-add')]
    : [
        warning(
          keysGroup,
          'agent',
          'SSH_AUTH_SOCK does not lead to an agent',
          'eval "$(ssh-agent)" && ssh-add',
        ),
      ];
}

/** Undefined if the command cannot be started. */
async function tryLocal(context: Context, argv: readonly string[]) {
  try {
    return await runLocal({ argv, timeout: commandTimeout }, context, () => undefined);
  } catch {
    return undefined;
  }
}
