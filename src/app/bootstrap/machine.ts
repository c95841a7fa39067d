import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';

/** A host as its system says that it is, before it has a Docker engine that answers. */
export interface BareMachine {
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly system: string;
  /** Where it gets its packages from; undefined where oneclick does not know. */
  readonly packages: Packages | undefined;
  readonly user: string;
  /** How its login user becomes root, if it can without a password. */
  readonly root: 'is root' | 'sudo' | 'not at all';
  readonly hasSystemd: boolean;
  readonly hasDocker: boolean;
  /** Whether the user is in the group `docker`, from the next login on. */
  readonly isMember: boolean;
}

/** `extras` is Amazon Linux 2, `yum` the same without them, `dnf` Amazon Linux 2023. */
export type Packages = 'apt' | 'extras' | 'yum' | 'dnf';

/** A line each: `name value`. */
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
[ -d /run/systemd/system ] && echo 'has systemd'
sudo -n true >/dev/null 2>&1 && echo 'has root'
:`;

/** Asks a host what it is. Throws a Failure when it does not say. */
export async function bareMachine(host: Host, signal: AbortSignal): Promise<BareMachine> {
  const { stdout } = await host.run({ argv: ['sh', '-c', script], timeout: 20_000 }, signal);
  return parseMachine(host.name, stdout);
}

/** What the answer of the script means. */
export function parseMachine(host: string, stdout: string): BareMachine {
  const lines = stdout.split('\n').map((line) => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)]);
  const said = new Map(lines.map(([name, value]) => [name, value?.trim() ?? '']));
  const has = new Set(lines.flatMap(([name, value]) => (name === 'has' ? [value] : [])));
  const user = said.get('user') ?? '';
  if (!/^[\w.-]+$/.test(user) || user.startsWith('-'))
    throw new Failure('failed', 'bootstrap.user', `${host} does not say who logs in there`, { host });
  return {
    system: said.get('system') || 'an unknown system',
    packages: packagesOf(said.get('id'), said.get('like'), said.get('version'), has),
    user,
    root: said.get('uid') === '0' ? 'is root' : has.has('root') ? 'sudo' : 'not at all',
    hasSystemd: has.has('systemd'),
    hasDocker: has.has('dockerd'),
    isMember: (said.get('groups') ?? '').split(' ').includes('docker'),
  };
}

function packagesOf(
  id: string | undefined,
  like = '',
  version: string | undefined,
  has: ReadonlySet<string | undefined>,
): Packages | undefined {
  if ([id, ...like.split(' ')].some((name) => name === 'debian' || name === 'ubuntu')) return 'apt';
  if (id !== 'amzn') return undefined;
  if (version !== '2') return 'dnf';
  return has.has('amazon-linux-extras') ? 'extras' : 'yum';
}
