import type { z } from 'zod';
import { isOwnLabel, labelPrefix } from '../domain/labels.js';

/** Keys of the Docker API's container configuration that oneclick sets itself, and what to write instead. */
const ownKeys: Readonly<Record<string, string>> = {
  Image: 'write image',
  Cmd: 'write command',
  Env: 'write env, or secrets',
  User: 'write user',
  ExposedPorts: 'write port',
  Volumes: 'write volumes',
  StopSignal: 'write stop: {signal}',
  StopTimeout: 'write stop: {timeout}',
  Name: 'oneclick names its containers',
  NetworkingConfig: 'services of a host share one network',
  NetworkDisabled: 'services of a host share one network',
};

/** The same, under `HostConfig`. */
const ownHostKeys: Readonly<Record<string, string>> = {
  AutoRemove: 'the old container is kept to go back to',
  RestartPolicy: 'write restart',
  PortBindings: 'write port',
  PublishAllPorts: 'write port',
  NetworkMode: 'services of a host share one network',
  Binds: 'write volumes',
  Mounts: 'write volumes (Tmpfs is free)',
  Memory: 'write memory',
  NanoCpus: 'write cpus',
  ContainerIDFile: 'oneclick keeps track of its containers',
};

/** Keys that people put beside `HostConfig` though they belong into it; the engine would not look at them. */
const belowHostConfig = new Set(
  (
    'BlkioWeight CapAdd CapDrop CgroupParent CgroupnsMode CpuPeriod CpuQuota CpuShares CpusetCpus DeviceRequests Devices Dns ' +
    'DnsOptions DnsSearch ExtraHosts GroupAdd Init IpcMode Isolation Links LogConfig MemoryReservation MemorySwap ' +
    'MemorySwappiness OomKillDisable OomScoreAdj PidMode PidsLimit Privileged ReadonlyRootfs Runtime SecurityOpt ShmSize ' +
    'StorageOpt Sysctls Tmpfs UTSMode Ulimits UsernsMode VolumesFrom'
  ).split(' '),
);

/**
 * Refuses what oneclick sets itself. The engine reads the names of keys without regard to case, so that `autoremove` would
 * do as well: names must be written exactly as in the API's reference.
 */
export function refuseOwnKeys(docker: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const check = (map: unknown, path: string[], own: Readonly<Record<string, string>>) => {
    for (const key of Object.keys(Object(map))) {
      const instead = Object.entries(own).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
      if (instead !== undefined) refuse([...path, key], `${key} is set by oneclick: ${instead}`);
      else if (!/^[A-Z][A-Za-z0-9]*$/.test(key))
        refuse([...path, key], 'keys of the Docker API are written like this: HostConfig, ShmSize');
      else if (path.length === 0 && belowHostConfig.has(key))
        refuse([key], `${key} belongs under HostConfig: HostConfig: {${key}: …}`);
      else if (/^(hostconfig|labels)$/i.test(key) && key !== 'HostConfig' && key !== 'Labels')
        refuse([...path, key], `write ${/^l/i.test(key) ? 'Labels' : 'HostConfig'}`);
    }
  };
  check(docker, [], ownKeys);
  check(docker.HostConfig, ['HostConfig'], ownHostKeys);
  for (const label of Object.keys(Object(docker.Labels)))
    if (isOwnLabel(label))
      refuse(['Labels', label], `labels that start with ${labelPrefix} are set by oneclick`);
}
