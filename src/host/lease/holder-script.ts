/**
 * The `sh` script that holds a lease on a host. Arguments: the action, the path of the lock, the holder as JSON, the timeout
 * in seconds, this script, and the process ID of the SSH session (the parent by default). It prints one line, which starts
 * with its answer:
 *
 * - `held`, then `.` for each heartbeat, a line `beat STEP`. It exits at the line `release`. At a timeout or a signal it
 *   also kills its SSH session, so that a client that was suspended cannot send anything;
 * - `busy`, with the holder and its step, separated by tabs;
 * - `free`, `ended`;
 * - `broken`, with the reason and a hint.
 *
 * All users share one lock file, which the kernel unlocks when the holder dies. It is opened read-only, because
 * fs.protected_regular forbids O_CREAT on another user's file in a sticky directory. Anyone who can open it can hold it, so
 * only the group of the engine's socket can: its members are as good as root. Users outside that group become root with
 * `sudo`, or share a lock that everyone can open.
 *
 * Each holder writes its details to a file next to it, named by process ID. Others may write there too: a file counts only if
 * its owner may hold the lock and owns the process, and the process has the same start time. Before a process is ended,
 * its file descriptor must show the lock; /proc/locks names the process that called flock(2), which has exited.
 * New files get a random name and are linked, which never follows another user's link. dash has no `read -t`.
 */
export const holderScript = `
action=$1 lock=$2 info=$3 silence=$4 script=$5 session=\${6:-$PPID} own=$2.$$
holder= pid= uid= noted= new=
say() { printf '%s\\n' "$*"; }
broken() { say "broken	$1	$2"; exit 1; }
remove="remove it as root: sudo rm -r $lock"
set -- $(stat -L -c '%u %g %G' /proc/self /var/run/docker.sock 2>/dev/null)
me=$1 group=$5 group_name=$6
[ "$group" != 0 ] || group=
trusted() {
  [ "$1" = root ] && return
  case " $(id -G $1 2>/dev/null) " in *" \${group:-none} "*) ;; *) return 1 ;; esac
}
shared() { [ -n "$group" ] && { [ "$me" = 0 ] || trusted; }; }
guarded() { [ "$(stat -c '%g %a' "$lock" 2>/dev/null)" = "$group 640" ]; }
become_root() {
  [ "$me" != 0 ] && sudo -n true 2>/dev/null || return
  exec sudo -n sh -c 'eval "$5"' "$0" "$action" "$lock" "$info" "$silence" "$script" "$session"
}
ticks() {
  IFS= read -r stat <"/proc/$1/stat" || return
  set -- \${stat##*) }
  say "\${20}"
} 2>/dev/null
hidden() {
  [ "$me" != 0 ] && [ ! -r "/proc/$pid/stat" ] && grep -q 'hidepid=[^0o]' /proc/mounts &&
    grep -q "FLOCK.*:$(stat -c %i "$lock") 0 EOF" /proc/locks
}
holds() {
  hidden && return
  [ -n "$started" ] && [ "$started" = "$(ticks "$pid")" ] && [ "$uid" = "$(stat -c %u "/proc/$pid")" ] || return
  [ "$me" != 0 ] && [ "$me" != "$uid" ] && return
  [ "/proc/$pid/fd/9" -ef "$lock" ] && grep -q '^lock:.*FLOCK' "/proc/$pid/fdinfo/9"
}
look() {
  for file in "$lock".[0-9]*; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    pid=\${file##*.}
    case $pid in *[!0-9]*) continue ;; esac
    set -- $(stat -c '%u %U' "$file" 2>/dev/null)
    uid=$1
    ! guarded || trusted "\${2:-nobody}" || continue
    { IFS= read -r started; IFS= read -r who; IFS= read -r step; } <"$file" 2>/dev/null || continue
    if holds; then
      holder="$who	$step"
      return 0
    fi
    [ "$started" = "$(ticks "$pid")" ] || rm -f "$file" 2>/dev/null
  done
  return 1
}
locked() { [ -f "$lock" ] && ! (exec 9<"$lock" && flock -n 9) 2>/dev/null; }
create() {
  new=$(mktemp "$lock-XXXXXX") || return
  if shared; then chgrp "$group" "$new" && chmod 640 "$new"; else chmod 644 "$new"; fi
  ln -n "$new" "$lock" 2>/dev/null
  rm -f "$new"
}
note() {
  new=$(mktemp "$lock-XXXXXX") || return
  printf '%s\\n%s\\n%s\\n' "$started" "$info" "$1" >"$new" && chmod 644 "$new"
  if [ -n "$noted" ]; then
    mv -f "$new" "$own"
  else
    ln -n "$new" "$own" 2>/dev/null || { rm -f "$own"; ln -n "$new" "$own"; } 2>/dev/null
    if [ "$new" -ef "$own" ]; then noted=1; fi
    rm -f "$new"
  fi
}
tidy() { rm -f "$own" "$new" 2>/dev/null; }
fence() {
  tidy
  case $(cat "/proc/$session/comm" 2>/dev/null) in sshd*) kill "$session" ;; esac
  exit 1
}
case $action in
  look)
    if look; then say "busy	$holder"; else say free; fi
    exit 0 ;;
  end)
    if look || { locked && { sleep 0.2; look; }; }; then
      [ "$me" = 0 ] || [ "$me" = "$uid" ] || become_root || broken "another user owns the holder"
    elif locked; then
      become_root
      broken "a process that is not a run holds $lock" "find it on the host: sudo fuser -v $lock"
    else
      say free
      exit 0
    fi
    kill "$pid" 2>/dev/null
    waited=0
    while [ "$waited" -lt 150 ] && [ -e "/proc/$pid" ]; do sleep 0.1; waited=$((waited + 1)); done
    if [ -e "/proc/$pid" ]; then broken "process $pid does not exit"; fi
    say "ended	$holder"
    exit 0 ;;
esac
for program in flock timeout mktemp; do
  command -v "$program" >/dev/null || broken "$program is not installed"
done
[ -z "$group" ] || shared || become_root
for try in 1 2 3; do
  [ -e "$lock" ] || [ -L "$lock" ] || create
  if [ -L "$lock" ] || [ ! -f "$lock" ] || [ ! -r "$lock" ]; then
    guarded && broken "only the group $group_name can open $lock" "run there: sudo usermod -aG $group_name $(id -un)"
    broken "$lock is not a readable file" "$remove"
  fi
  exec 9<"$lock"
  if ! flock -n 9; then
    look || { sleep 0.2; look; }
    say "busy	$holder"
    exit 1
  fi
  if [ "$lock" -ef "/proc/$$/fd/9" ]; then
    if guarded || ! shared; then break; fi
    # An older client created it, or a user outside the group.
    if [ "$me" = 0 ] || [ -O "$lock" ]; then
      rm -f "$lock"
    else
      owner=$(stat -c %U "$lock")
      trusted "$owner" && break
      broken "$lock belongs to $owner, who is not in the group $group_name" "$remove"
    fi
  fi
  [ "$try" -lt 3 ] || broken "$lock keeps being replaced"
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
