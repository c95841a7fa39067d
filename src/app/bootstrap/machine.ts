import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';

/** The facts of a host without a working Docker engine. */
export interface MachineFacts {
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly system: string;
  /** Undefined for a system that oneclick does not know. */
  readonly packageManager: PackageManager | undefined;
  readonly user: string;
  /** How the login user becomes root without a password. */
  readonly root: 'is root' | 'sudo' | 'not at all';
  readonly hasSystemd: boolean;
  readonly hasDocker: boolean;
  /** Whether cloud-init is installed; it may be disabled. */
  readonly hasCloudInit: boolean;
  /** Whether the user is in the group `docker`, from the next login on. */
  readonly isMember: boolean;
}

/** `extras`: Amazon Linux 2; `yum`: the same without extras; `dnf`: Amazon Linux 2023. */
export type PackageManager = 'apt' | 'extras' | 'yum' | 'dnf';

/** Prints lines of `name value`. */
const script = `. /etc/os-release
echo "id $ID"
echo "like $ID_LIKE"
echo "version $VERSION_ID"
echo "system $PRETTY_NAME"
echo "user $(id -un)"
echo "uid $(id -u)"
echo "groups $(id -nG "$(id -un)")"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
has() { command -v "$1" >/dev/null 2>&1 && echo "has $1"; }
has dockerd
has amazon-linux-extras
has cloud-init
[ -d /run/systemd/system ] && echo 'has systemd'
sudo -n true >/dev/null 2>&1 && echo 'has root'
:`;

/** Reads the facts of a host. Throws a Failure if it does not answer with them. */
export async function readMachine(host: Host, signal: AbortSignal): Promise<MachineFacts> {
  const { stdout } = await host.run({ argv: ['sh', '-c', script], timeout: 20_000 }, signal);
  return parseMachine(host.name, stdout);
}

/** Parses the output of the script. Throws a Failure without a safe user name. */
export function parseMachine(host: string, stdout: string): MachineFacts {
  const lines = stdout.split('\n').map((line) => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)]);
  const values = new Map(lines.map(([name, value]) => [name, value?.trim() ?? '']));
  const has = new Set(lines.flatMap(([name, value]) => (name === 'has' ? [value] : [])));
  const user = values.get('user') ?? '';
  if (!/^[\w.-]+$/.test(user) || user.startsWith('-'))
    throw new Failure('failed', 'bootstrap.user', `cannot read the login user on ${host}`, { host });
  return {
    system: values.get('system') || 'an unknown system',
    packageManager: packageManagerOf(values.get('id'), values.get('like'), values.get('version'), has),
    user,
    root: values.get('uid') === '0' ? 'is root' : has.has('root') ? 'sudo' : 'not at all',
    hasSystemd: has.has('systemd'),
    hasDocker: has.has('dockerd'),
    hasCloudInit: has.has('cloud-init'),
    isMember: (values.get('groups') ?? '').split(' ').includes('docker'),
  };
}

function packageManagerOf(
  id: string | undefined,
  like = '',
  version: string | undefined,
  has: ReadonlySet<string | undefined>,
): PackageManager | undefined {
  if ([id, ...like.split(' ')].some((name) => name === 'debian' || name === 'ubuntu')) return 'apt';
  if (id !== 'amzn') return undefined;
  if (version !== '2') return 'dnf';
  return has.has('amazon-linux-extras') ? 'extras' : 'yum';
}
