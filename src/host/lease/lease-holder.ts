import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EnvironmentId } from '../../domain/environment.js';

/** The run that holds a lease. */
const Holder = z.object({
  who: z.string(),
  run: z.string(),
  recipe: z.string(),
  project: z.string(),
  environment: z.string(),
  /** ISO 8601, by the clock of the machine that runs oneclick. */
  since: z.string(),
});
export type Holder = z.infer<typeof Holder> & { readonly host: string; readonly step: string };

/** An action of the holder script. */
export type LeaseAction = 'take' | 'look' | 'end';

/**
 * The `sh` script that holds a lease on a host. Arguments: the action, the path of the lock, the holder as JSON, and the
 * timeout in seconds. It prints one line, which starts with its answer:
 *
 * - `held`, then `.` for each heartbeat, a line `beat STEP`. It exits at the line `release`. At a timeout or a signal it
 *   also kills its SSH session, so that a client that was suspended cannot send anything;
 * - `busy`, with the holder and its step, separated by tabs;
 * - `free`, `ended`;
 * - `broken`, with the reason.
 *
 * All users share one lock file, which the kernel unlocks when the holder dies. It is opened read-only, because
 * fs.protected_regular forbids O_CREAT on another user's file in a sticky directory. Each holder writes its details to a
 * file next to it, named by process ID; a file is ignored if its process is gone or has another start time.
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
    kill "$pid" 2>/dev/null || sudo -n kill "$pid" 2>/dev/null || { say "broken	another user owns the holder"; exit 1; }
    waited=0
    while [ "$waited" -lt 150 ] && [ -e "/proc/$pid" ]; do sleep 0.1; waited=$((waited + 1)); done
    if [ -e "/proc/$pid" ]; then say "broken	process $pid does not exit"; else say "ended	$holder"; fi
    exit 0 ;;
esac
for program in flock timeout; do
  command -v "$program" >/dev/null || { say "broken	$program is not installed"; exit 1; }
done
for try in 1 2 3; do
  [ -e "$lock" ] || (set -C; : >"$lock") 2>/dev/null
  if [ -L "$lock" ] || [ ! -f "$lock" ] || [ ! -r "$lock" ]; then
    say "broken	$lock is not a readable file"
    exit 1
  fi
  exec 9<"$lock"
  if ! flock -n 9; then
    look || { sleep 0.2; look; }
    say "busy	$holder"
    exit 1
  fi
  [ "$lock" -ef "/proc/$$/fd/9" ] && break
  [ "$try" = 3 ] && { say "broken	$lock keeps being replaced"; exit 1; }
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

/** Returns the command line of the holder; `timeout` in seconds. */
export function holderArgv(action: LeaseAction, lock: string, info = '', silence = 0): string[] {
  return ['sh', '-c', script, 'oneclick-lease', action, lock, info, String(silence)];
}

/** The first line that the holder prints. */
export type Answer =
  | { readonly kind: 'held' | 'free' }
  | { readonly kind: 'busy' | 'ended'; readonly holder: Holder | undefined }
  | { readonly kind: 'broken'; readonly reason: string };

/** Returns the path of the lock, the same for all users and safe for any names. */
export function lockPath({ project, environment }: EnvironmentId, folder = '/tmp'): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([project, environment]))
    .digest('hex')
    .slice(0, 16);
  return `${folder}/oneclick-${hash}.lock`;
}

/** Parses the holder's first line. */
export function parseAnswer(line: string, host: string): Answer {
  const [kind = '', text = '', step = ''] = line.split('\t');
  if (kind === 'held' || kind === 'free') return { kind };
  if (kind === 'busy' || kind === 'ended') return { kind, holder: parseHolder(text, step, host) };
  return { kind: 'broken', reason: text || line || 'the holder exited at once' };
}

function parseHolder(text: string, step: string, host: string): Holder | undefined {
  try {
    return { ...Holder.parse(JSON.parse(text)), step, host };
  } catch {
    // Another program holds the lock.
    return undefined;
  }
}
