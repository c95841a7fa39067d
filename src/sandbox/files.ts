/**
 * The files of the image that serves all roles. They are text in the code, so that the package needs no assets
 * and the image's tag can be a hash of them.
 */
export const files: Readonly<Record<string, string>> = {
  /** PID 1 of a machine: a shell, because the host's Docker may come without `docker-init`. */
  machine: `#!/bin/sh
# PID 1 of a sandbox machine: keeps sshd, the Docker engine and the relay to the registry running.
set -u
mkdir -p /run/sshd /run/stopped /run/lock
chmod 1777 /run/lock

# The inner engine makes cgroups below this container's own, which Docker mounts read-only.
for mount in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts); do
  mount -o remount,bind,rw "$mount"
done
# cgroup v2: a group that holds processes cannot hand its controllers down.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  while read -r process; do echo "$process" >/sys/fs/cgroup/init/cgroup.procs; done </sys/fs/cgroup/cgroup.procs
  sed 's/ / +/g; s/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
# A kernel without nftables.
iptables -L >/dev/null 2>&1 || update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null

# Made once and kept in a volume: the machine keeps its identity when it is made anew.
[ -e /etc/ssh/host-keys/ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f /etc/ssh/host-keys/ed25519
ln -sf host-keys/ed25519.pub /etc/ssh/ssh_host_ed25519_key.pub

# What is written to the console is this container's log; as cloud-init does, the host keys go there.
[ -e /dev/console ] || ln -s /proc/1/fd/1 /dev/console
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/ssh/host-keys/ed25519.pub
echo '-----END SSH HOST KEY KEYS-----'
[ -z "\${USER_DATA:-}" ] || [ -e /var/lib/cloud/instance ] || printf %s "$USER_DATA" | base64 -d >/root/.user-data
# In a private subnet: whoever else asks hears nothing, as from a security group.
[ -z "\${SSH_FROM:-}" ] || iptables -A INPUT -p tcp --dport 22 ! -s "$SSH_FROM" -j DROP
# At the first start: sshd, the key and the engine, each so many seconds after the one before.
[ ! -e /var/lib/cloud/instance ] || DELAYS=
set -- \${DELAYS:-0 0 0}
first_key=\${FIRST_KEY:-}
unset FIRST_KEY USER_DATA SSH_FROM DELAYS
let_in() {
  [ -n "$first_key" ] && [ ! -e /var/lib/cloud-key ] || return 0
  authorize "$first_key"
  touch /var/lib/cloud-key
}
[ "$2" != 0 ] || let_in

cat >/run/relay.cfg <<END
global
  maxconn 500
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen registry
  bind 127.0.0.1:$REGISTRY_PORT
  server registry $REGISTRY_ADDRESS:5000
END

run_engine() {
  rm -f /run/docker.pid
  # container=docker: AppArmor's profiles are the outer engine's business.
  container=docker exec dockerd --host unix:///run/docker.sock --log-level warn
}
run_sshd() { exec /usr/sbin/sshd -D -e; }
run_relay() { exec haproxy -W -db -f /run/relay.cfg; }
keep() {
  while :; do
    [ -e "/run/stopped/$1" ] || ("run_$1")
    sleep 0.5
  done
}
later() { sleep "$1"; shift; "$@"; }
later "$1" keep sshd &
later $(($1 + $2)) let_in &
later $(($1 + $2 + $3)) keep engine &
keep relay &
cloud-init boot &

trap 'engine stop; exit 0' TERM INT
# Waiting also reaps what dead sessions leave behind.
while :; do wait; sleep 1; done
`,

  /** PID 1 of the bastion, which has an sshd and nothing else. */
  bastion: `#!/bin/sh
set -eu
mkdir -p /run/sshd
[ -e /etc/ssh/host-keys/ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f /etc/ssh/host-keys/ed25519
exec /usr/sbin/sshd -D -e
`,

  /** What a service manager would do for the engine. */
  engine: `#!/bin/sh
# engine start|stop|restart|kill: the Docker engine of this machine. Killed, it is back within seconds by itself.
set -eu
answers() { curl -fs -o /dev/null --max-time 5 --unix-socket /run/docker.sock http://engine/_ping; }
process() { cat /run/docker.pid 2>/dev/null || true; }
start() {
  rm -f /run/stopped/engine
  for _ in $(seq 300); do answers && return 0; sleep 0.1; done
  echo 'the engine does not answer' >&2
  return 1
}
stop() {
  touch /run/stopped/engine
  running=$(process)
  [ -n "$running" ] || return 0
  kill "$running" 2>/dev/null || return 0
  while kill -0 "$running" 2>/dev/null; do sleep 0.1; done
}
case "$*" in
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  kill) kill -KILL "$(process)" ;;
  *) echo 'usage: engine start|stop|restart|kill' >&2; exit 2 ;;
esac
`,

  /** Says in a few words what the machine lacks; nothing, and exit code 0, when it is ready. */
  ready: `#!/bin/sh
curl -fs -o /dev/null --max-time 5 --unix-socket /run/docker.sock http://engine/info ||
  { echo 'its Docker engine does not answer'; exit 1; }
curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:$REGISTRY_PORT/v2/" ||
  { echo 'it does not reach the registry'; exit 1; }
`,

  /** Lets the holder of one public key in, as every user. */
  authorize: `#!/bin/sh
set -eu
for user in root deploy ops; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -m 700 -o "$user" -g "$user" "$home/.ssh"
  echo "$1" >"$home/.ssh/authorized_keys.new"
  chmod 600 "$home/.ssh/authorized_keys.new"
  chown "$user:$user" "$home/.ssh/authorized_keys.new"
  mv "$home/.ssh/authorized_keys.new" "$home/.ssh/authorized_keys"
done
`,

  /** As much of cloud-init as user-data needs that is a script. */
  'cloud-init': `#!/bin/sh
# cloud-init status [--wait]: what became of the user-data. \`boot\` runs it, once in the life of a machine.
set -u
folder=/var/lib/cloud/instance
state() { cat "$folder/state" 2>/dev/null || echo 'not started'; }
boot() {
  # Stopped in the middle of it: that was its only time.
  [ "$(state)" != running ] || echo error >"$folder/state"
  [ ! -e "$folder/state" ] || return 0
  mkdir -p "$folder"
  echo running >"$folder/state"
  [ ! -e /root/.user-data ] || mv /root/.user-data "$folder/user-data.txt"
  [ ! -e "$folder/user-data.txt" ] || chmod 700 "$folder/user-data.txt"
  result=done
  if [ "$(head -c 2 "$folder/user-data.txt" 2>/dev/null)" = '#!' ]; then
    engine start
    "$folder/user-data.txt" >/var/log/cloud-init-output.log 2>&1 </dev/null || result=error
  fi
  echo "$result" >"$folder/state"
  echo "cloud-init: $result" >/dev/console
}
case "$*" in
  boot) boot ;;
  'status --wait') while [ "$(state)" != 'done' ] && [ "$(state)" != error ]; do sleep 0.2; done; "$0" status ;;
  status) echo "status: $(state)"; [ "$(state)" != error ] ;;
  *) echo 'usage: cloud-init status [--wait]' >&2; exit 2 ;;
esac
`,

  /** MaxSessions stays OpenSSH's 10; many connections at once are no attack here. */
  'sshd.conf': `HostKey /etc/ssh/host-keys/ed25519
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 200:30:400
PrintLastLog no
`,

  'registry.yml': `version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: /var/lib/registry }
http: { addr: ':5000' }
`,
};

/**
 * What is installed on the image, by Debian's names. Beyond the roles' own: busybox-static is the whole user land
 * of the sample application's image, sudo serves the user `ops`, procps has the `ps` and `pkill` of any server.
 */
export const packages: readonly string[] = [
  'openssh-server',
  'docker.io',
  'docker-registry',
  'haproxy',
  'ca-certificates',
  'iproute2',
  'iptables',
  'curl',
  'busybox-static',
  'sudo',
  'procps',
];

/** Makes the image of all roles from `base`, which has the packages. */
export function dockerfile(base: string): string {
  return `FROM ${base}
RUN rm -f /etc/ssh/ssh_host_* \\
 && mkdir -p /etc/ssh/host-keys /var/lib/registry \\
 && useradd --create-home --shell /bin/bash --groups docker --password '*' deploy \\
 && useradd --create-home --shell /bin/bash --groups docker --password '*' ops \\
 && echo 'ops ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/ops \\
 && chmod 440 /etc/sudoers.d/ops
COPY sshd.conf /etc/ssh/sshd_config.d/machine.conf
COPY registry.yml /etc/registry.yml
COPY machine bastion engine ready authorize cloud-init /usr/local/bin/
CMD ["/usr/local/bin/machine"]
`;
}
