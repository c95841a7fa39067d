/** Files of the image for all roles. Inline, so that the package ships no assets and the tag can hash them. */
export const files: Readonly<Record<string, string>> = {
  /** PID 1 of a machine: a shell, because the host's Docker may lack `docker-init`. */
  machine: `#!/bin/sh
# PID 1 of a sandbox machine: keeps sshd, the Docker engine and the registry relay running.
set -u
mkdir -p /run/sshd /run/stopped /run/lock
chmod 1777 /run/lock

# Docker mounts cgroups read-only, but the inner engine creates some.
for mount in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts); do
  mount -o remount,bind,rw "$mount"
done
# cgroup v2: a group with processes cannot delegate its controllers.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  while read -r process; do echo "$process" >/sys/fs/cgroup/init/cgroup.procs; done </sys/fs/cgroup/cgroup.procs
  sed 's/ / +/g; s/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
# Kernels without nftables need the legacy tool.
iptables -L >/dev/null 2>&1 || update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null

# Kept in a volume: a recreated machine has the same host key.
[ -e /etc/ssh/host-keys/ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f /etc/ssh/host-keys/ed25519
ln -sf host-keys/ed25519.pub /etc/ssh/ssh_host_ed25519_key.pub

# Like cloud-init, print host keys to the console, which is the container log.
[ -e /dev/console ] || ln -s /proc/1/fd/1 /dev/console
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/ssh/host-keys/ed25519.pub
echo '-----END SSH HOST KEY KEYS-----'
[ -z "\${USER_DATA:-}" ] || [ -e /var/lib/cloud/instance ] || printf %s "$USER_DATA" | base64 -d >/root/.user-data
# Private subnet: drop other sources, as a security group does.
[ -z "\${SSH_FROM:-}" ] || iptables -A INPUT -p tcp --dport 22 ! -s "$SSH_FROM" -j DROP
# First boot only: seconds before sshd, then the key, then the engine.
[ ! -e /var/lib/cloud/instance ] || DELAYS=
set -- \${DELAYS:-0 0 0}
first_key=\${FIRST_KEY:-}
unset FIRST_KEY USER_DATA SSH_FROM DELAYS
authorize_first_key() {
  [ -n "$first_key" ] && [ ! -e /var/lib/cloud-key ] || return 0
  authorize "$first_key"
  touch /var/lib/cloud-key
}
[ "$2" != 0 ] || authorize_first_key

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
  # container=docker: leaves AppArmor profiles to the outer engine.
  container=docker exec dockerd --host unix:///run/docker.sock --log-level warn
}
run_sshd() { exec /usr/sbin/sshd -D -e; }
run_relay() { exec haproxy -W -db -f /run/relay.cfg; }
supervise() {
  while :; do
    [ -e "/run/stopped/$1" ] || ("run_$1")
    sleep 0.5
  done
}
delayed() { sleep "$1"; shift; "$@"; }
delayed "$1" supervise sshd &
delayed $(($1 + $2)) authorize_first_key &
delayed $(($1 + $2 + $3)) supervise engine &
supervise relay &
cloud-init boot &

trap 'engine stop; exit 0' TERM INT
# wait reaps orphans of closed sessions.
while :; do wait; sleep 1; done
`,

  /** PID 1 of the bastion, which runs only sshd. */
  bastion: `#!/bin/sh
set -eu
mkdir -p /run/sshd
[ -e /etc/ssh/host-keys/ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f /etc/ssh/host-keys/ed25519
exec /usr/sbin/sshd -D -e
`,

  /** Controls the engine; there is no service manager. */
  engine: `#!/bin/sh
# engine start|stop|restart|kill: controls the Docker engine, which restarts by itself after kill.
set -eu
responds() { curl -fs -o /dev/null --max-time 5 --unix-socket /run/docker.sock http://engine/_ping; }
process() { cat /run/docker.pid 2>/dev/null || true; }
start() {
  rm -f /run/stopped/engine
  for _ in $(seq 300); do responds && return 0; sleep 0.1; done
  echo 'the engine does not respond' >&2
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

  /** Prints why the machine is not ready and exits with 1, or exits with 0. */
  ready: `#!/bin/sh
curl -fs -o /dev/null --max-time 5 --unix-socket /run/docker.sock http://engine/info ||
  { echo 'the Docker engine does not respond'; exit 1; }
curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:$REGISTRY_PORT/v2/" ||
  { echo 'cannot reach the registry'; exit 1; }
`,

  /** Authorizes one public key for every user. */
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

  /** The part of cloud-init that runs a user-data script. */
  'cloud-init': `#!/bin/sh
# cloud-init status [--wait]: prints the state of the user-data, which \`boot\` runs once per machine.
set -u
folder=/var/lib/cloud/instance
state() { cat "$folder/state" 2>/dev/null || echo 'not started'; }
boot() {
  # Interrupted user-data does not run again.
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

  /** MaxSessions stays at OpenSSH's 10; MaxStartups allows many connections at once. */
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
 * Debian packages of the image. busybox-static is for the sample application's image, sudo for the user `ops`, procps
 * for `ps` and `pkill`.
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

/** Returns the Dockerfile of the image for all roles; `base` has the packages. */
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
