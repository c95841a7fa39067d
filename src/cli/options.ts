import { choice, flag, list, type OptionValues, value } from './define-command.js';
import type { Globals } from './global-flags.js';

export const environmentOption = {
  env: value('-e, --env <name>', 'select the environment'),
};

export const dryRunOptions = {
  dryRun: flag('--dry-run', 'show the plan without changing anything'),
  explain: flag('--explain', 'print equivalent shell commands without running them'),
};

export const waitOption = {
  wait: flag('--wait', 'wait while another run holds the lease'),
};

export const yesOption = {
  yes: flag('-y, --yes', 'skip confirmation prompts'),
};

export const settleOption = {
  settle: flag('--no-settle', 'behind a load balancer: do not wait for old containers to drain'),
};

export const ignoreHostOption = {
  ignoreHost: list(
    '--ignore-host <host>',
    'do not ask this host whether a singleton still runs there (repeatable)',
  ),
};

/** Options of commands that build images. */
export const buildOptions = {
  platform: value(
    '--platform <platform>',
    'build for this platform, such as linux/arm64 (default: that of the hosts, or of your Docker)',
  ),
  cache: flag('--no-cache', 'build without the cache'),
  dirty: flag('--dirty', 'build with uncommitted changes and mark the tag as dirty'),
};

/** Options of commands that may build the images that they deploy. */
export const deployBuildOptions = {
  build: flag('--build', 'build and push images before the deploy'),
  ...buildOptions,
  pushOverSsh: flag('--push-over-ssh', 'with --build: send images to the hosts over SSH, without a registry'),
};

/** Options of commands that change releases. */
export const changeOptions = {
  ...environmentOption,
  only: list('--only <host>', 'change only this host (repeatable)'),
  ...ignoreHostOption,
  batch: value('--batch <n>', 'change this many instances at a time: 1, 25% or all'),
  ...dryRunOptions,
  onFailure: choice('--on-failure <policy>', 'if a step fails: revert or stop', ['revert', 'stop']),
  ...waitOption,
  ...yesOption,
};

export type EnvironmentFlags = Globals & OptionValues<typeof environmentOption>;
export type DryRunFlags = OptionValues<typeof dryRunOptions>;
export type BuildFlags = OptionValues<typeof buildOptions>;
export type DeployBuildFlags = OptionValues<typeof deployBuildOptions>;
export type ChangeFlags = Globals & OptionValues<typeof changeOptions>;
