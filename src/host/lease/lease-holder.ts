import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EnvironmentId } from '../../domain/environment.js';

/** Who holds a lease. */
const Holder = z.object({
  who: z.string(),
  run: z.string(),
  recipe: z.string(),
  project: z.string(),
  environment: z.string(),
  /** ISO 8601, by the clock of the holder's own machine. */
  since: z.string(),
});
export type Holder = z.infer<typeof Holder> & { readonly host: string; readonly step: string };

/** What the script is asked to do. */
export type LeaseAction = 'take' | 'look' | 'end';

/**
 * The program that holds a lease on a host, for `sh`. Its arguments: the action, the path of the lock, the holder as JSON, the seconds of
 * silence after which it lets go. It says one line, the first word of which is the answer:
 *
 * - `held`, and from then on `.` for each heartbeat, a line `beat STEP`. At the line `release` it ends; at silence, or when told to
 *   end, it kills its SSH session as well: a client that was suspended can send nothing any more;
 * - `busy`, with the holder and its step behind tabs;
 * - `free`, `ended`;
 * - `broken`, with the reason.
 *
 * The lock is one file for all users, which the kernel unlocks when its holder dies. It is opened for reading alone: O_CREAT on
 * a file of another user in a sticky folder is forbidden (fs.protected_regular). Next to it each holder writes who it is,
 * to a file with its process ID in the name; one whose process is gone, or was started at another time, is ignored.
 * dash has no `read -t`.
 */
const script = `
action=$1 lock=$2 info=$3 silence=$4 own=$2.$$ holder= pid=
umask 022
say() { printf '%s\\n' "$*"; }
ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
look() {
  for file in "$lock".[0-9]*; do
    [ -f "$file" ] || continue
    pid=\${file##*.}
    { IFS= read -r started; IFS= read -r who; IFS= read -r step; } <"$file" 2>/dev/null || continue
    if [ -n "$started" ] && [ "$started" = "$(ticks "$pid")" ]; then
      holder="$who	$step"
      return 0
    fi
    rm -f "$file" 2>/dev/null
  done
  return 1
}
note() { printf '%s\\n%s\\n%s\\n' "$started" "$info" "$1" >"$own.new" && mv -f "$own.new" "$own"; }
tidy() { rm -f "$own" "$own.new"; }
fence() {
  tidy
  case $(cat "/proc/$PPID/comm" 2>/dev/null) in sshd*) kill "$PPID" ;; esac
  exit 1
}
case $action in
  look)
    if look; then say "busy	$holder"; else say free; fi
    exit 0 ;;
  end)
    look || { say free; exit 0; }
    kill "$pid" 2>/dev/null || sudo -n kill "$pid" 2>/dev/null || { say "broken	it belongs to another user"; exit 1; }
    waited=0
    while [ "$waited" -lt 150 ] && [ -e "/proc/$pid" ]; do sleep 0.1; waited=$((waited + 1)); done
    if [ -e "/proc/$pid" ]; then say "broken	process $pid does not end"; else say "ended	$holder"; fi
    exit 0 ;;
esac
for program in flock timeout; do
  command -v "$program" >/dev/null || { say "broken	there is no $program"; exit 1; }
done
for try in 1 2 3; do
  [ -e "$lock" ] || (set -C; : >"$lock") 2>/dev/null
  if [ -L "$lock" ] || [ ! -f "$lock" ] || [ ! -r "$lock" ]; then
    say "broken	$lock is not a file that can be read"
    exit 1
  fi
  exec 9<"$lock"
  if ! flock -n 9; then
    look || { sleep 0.2; look; }
    say "busy	$holder"
    exit 1
  fi
  [ "$lock" -ef "/proc/$$/fd/9" ] && break
  [ "$try" = 3 ] && { say "broken	$lock is replaced again and again"; exit 1; }
done
started=$(ticks $$)
trap fence HUP INT TERM PIPE
note ''
say held
last=
while line=$(exec 9<&-; timeout "$silence" sh -c 'IFS= read -r line && printf "%s\\n" "$line"'); do
  case $line in
    release) tidy; exit 0 ;;
    "beat $last") ;;
    *) last=\${line#beat }; note "$last" ;;
  esac
  say .
done
fence
`;

/** The command line of the holder. */
export function holderArgv(action: LeaseAction, lock: string, info = '', silence = 0): string[] {
  return ['sh', '-c', script, 'oneclick-lease', action, lock, info, String(silence)];
}

/** What the holder says first. */
export type Answer =
  | { readonly kind: 'held' | 'free' }
  | { readonly kind: 'busy' | 'ended'; readonly holder: Holder | undefined }
  | { readonly kind: 'broken'; readonly reason: string };

/** The path is safe whatever the names are, and the same for everybody. */
export function lockPath({ project, environment }: EnvironmentId, folder = '/tmp'): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([project, environment]))
    .digest('hex')
    .slice(0, 16);
  return `${folder}/oneclick-${hash}.lock`;
}

/** Reads the holder's first line. */
export function parseAnswer(line: string, host: string): Answer {
  const [kind = '', text = '', step = ''] = line.split('\t');
  if (kind === 'held' || kind === 'free') return { kind };
  if (kind === 'busy' || kind === 'ended') return { kind, holder: parseHolder(text, step, host) };
  return { kind: 'broken', reason: text || line || 'it ended at once' };
}

function parseHolder(text: string, step: string, host: string): Holder | undefined {
  try {
    return { ...Holder.parse(JSON.parse(text)), step, host };
  } catch {
    // Somebody who holds the lock and does not say who they are.
    return undefined;
  }
}
