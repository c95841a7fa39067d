import type { z } from 'zod';
import { isOwnLabel, labelPrefix } from '../domain/labels.js';

/** Docker API keys that oneclick sets itself, and the alternative. */
const ownKeys: Readonly<Record<string, string>> = {
  Image: 'use image',
  Cmd: 'use command',
  Env: 'use env or secrets',
  User: 'use user',
  ExposedPorts: 'use port',
  Volumes: 'use volumes',
  StopSignal: 'use stop: {signal: …}',
  StopTimeout: 'use stop: {timeout: …}',
  Name: 'oneclick chooses container names',
  NetworkingConfig: 'services on a host share one network',
  NetworkDisabled: 'services on a host share one network',
};

/** The same for keys under `HostConfig`. */
const ownHostKeys: Readonly<Record<string, string>> = {
  AutoRemove: 'the old container is kept for rollback',
  RestartPolicy: 'use restart',
  PortBindings: 'use port',
  PublishAllPorts: 'use port',
  NetworkMode: 'services on a host share one network',
  Binds: 'use volumes',
  Mounts: 'use volumes, or Tmpfs',
  Memory: 'use memory',
  NanoCpus: 'use cpus',
  ContainerIDFile: 'oneclick tracks its containers',
};

/** `HostConfig` keys that Docker silently ignores at the top level. */
const belowHostConfig = new Set(
  (
    'BlkioWeight CapAdd CapDrop CgroupParent CgroupnsMode CpuPeriod CpuQuota CpuShares CpusetCpus DeviceRequests Devices Dns ' +
    'DnsOptions DnsSearch ExtraHosts GroupAdd Init IpcMode Isolation Links LogConfig MemoryReservation MemorySwap ' +
    'MemorySwappiness OomKillDisable OomScoreAdj PidMode PidsLimit Privileged ReadonlyRootfs Runtime SecurityOpt ShmSize ' +
    'StorageOpt Sysctls Tmpfs UTSMode Ulimits UsernsMode VolumesFrom'
  ).split(' '),
);

/**
 * Rejects keys that oneclick sets itself and keys not spelled as in the Docker API reference: Docker ignores case, so
 * `autoremove` would work too.
 */
export function refuseOwnKeys(docker: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const check = (map: unknown, path: string[], own: Readonly<Record<string, string>>) => {
    for (const key of Object.keys(Object(map))) {
      const instead = Object.entries(own).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
      if (instead !== undefined) refuse([...path, key], `${key} is set by oneclick: ${instead}`);
      else if (!/^[A-Z][A-Za-z0-9]*$/.test(key))
        refuse([...path, key], 'Docker API keys are capitalized, such as HostConfig or ShmSize');
      else if (path.length === 0 && belowHostConfig.has(key))
        refuse([key], `${key} must be under HostConfig: HostConfig: {${key}: …}`);
      else if (/^(hostconfig|labels)$/i.test(key) && key !== 'HostConfig' && key !== 'Labels')
        refuse([...path, key], `use ${/^l/i.test(key) ? 'Labels' : 'HostConfig'}`);
    }
  };
  check(docker, [], ownKeys);
  check(docker.HostConfig, ['HostConfig'], ownHostKeys);
  for (const label of Object.keys(Object(docker.Labels)))
    if (isOwnLabel(label))
      refuse(['Labels', label], `labels starting with ${labelPrefix} are set by oneclick`);
}
