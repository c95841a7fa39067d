import { Failure } from '../../domain/failure.js';
import { openDocker } from '../build/docker-cli.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import type { Finding } from './finding.js';
import { bad, caution, good, looking } from './finding.js';

const here = 'this machine';
const keys = 'keys and agent';
/** ms */
const commandTimeout = 10_000;

/** What this machine needs: Node.js, ssh, git, and docker where something is built. */
export async function checkMachine(context: Context, builds: boolean): Promise<readonly Finding[]> {
  const found = await Promise.all([
    node(process.versions.node),
    ssh(context),
    git(context),
    builds ? docker(context) : [],
    agent(context),
  ]);
  return found.flat();
}

/** Whether this Node.js is new enough. */
export function node(version: string): readonly Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [good(here, 'node', version)];
  const old = new Failure('usage', 'node.old', `${version} is older than 20.19`, {
    hint: 'see https://nodejs.org/en/download',
  });
  return [bad(here, 'node', old)];
}

async function ssh(context: Context): Promise<readonly Finding[]> {
  const answer = await tryLocal(context, ['ssh', '-V']);
  if (answer !== undefined) return [good(here, 'ssh', answer.stderr.trim().split(',')[0] ?? '')];
  const missing = new Failure('access', 'ssh.missing', 'there is no ssh', {
    hint: 'apt-get install openssh-client',
  });
  return [bad(here, 'ssh', missing)];
}

async function git(context: Context): Promise<readonly Finding[]> {
  const answer = await tryLocal(context, ['git', '--version']);
  return answer === undefined
    ? [caution(here, 'git', 'there is no git: releases have no commit', 'apt-get install git')]
    : [good(here, 'git', answer.stdout.trim().replace('git version ', ''))];
}

function docker(context: Context): Promise<readonly Finding[]> {
  return looking(here, 'docker', async () => {
    const { version, engine, builder } = await openDocker(context);
    const text = `${version}, engine ${engine}`;
    return builder === 'classic'
      ? [caution(here, 'docker', `${text}, without BuildKit`, 'apt-get install docker-buildx')]
      : [good(here, 'docker', text)];
  });
}

async function agent(context: Context): Promise<readonly Finding[]> {
  if (!context.env.SSH_AUTH_SOCK) return [good(keys, 'agent', 'none; keys are read from their files')];
  const answer = await tryLocal(context, ['ssh-add', '-l']);
  if (answer?.code === 0) {
    const number = answer.stdout.trim().split('\n').length;
    return [good(keys, 'agent', `has ${number === 1 ? '1 key' : `${number} keys`}`)];
  }
  return answer?.code === 1
    ? [caution(keys, 'agent', 'has no keys', 'ssh-add')]
    : [caution(keys, 'agent', 'SSH_AUTH_SOCK leads to no agent', 'eval "$(ssh-agent)" && ssh-add')];
}

/** Undefined when it cannot be started. */
async function tryLocal(context: Context, argv: readonly string[]) {
  try {
    return await runLocal({ argv, timeout: commandTimeout }, context, () => undefined);
  } catch {
    return undefined;
  }
}
