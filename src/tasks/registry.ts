import type { Facts } from '../domain/facts.js';
import type { Registry } from '../run/ports.js';
import { releaseCommand } from './command.js';
import { targetConfirm } from './confirm.js';
import { containerCreate } from './container-create.js';
import { containerRetire } from './container-retire.js';
import { containerStart, containerStop } from './container-swap.js';
import { environmentPrune } from './environment-prune.js';
import { healthWait } from './health.js';
import { healthConfirm } from './health-confirm.js';
import { imagePull, imageResolve } from './image.js';
import { instanceQuarantine, instanceReadmit } from './instance.js';
import { networkHold } from './network.js';
import { containerHalt, containerRestart, containerWake } from './power.js';
import { releasePrune } from './prune.js';
import { releaseCommit, releaseRecall } from './release.js';
import { rolloutResolve } from './rollout.js';
import { targetSettle } from './settle.js';
import { shellLocal, shellRemote } from './shell.js';
import { targetDeregister, targetRegister } from './target.js';
import { targetGroupTune } from './target-group.js';
import type { Ports } from './task.js';

const all = [
  containerCreate,
  containerHalt,
  containerRestart,
  containerRetire,
  containerStart,
  containerStop,
  containerWake,
  environmentPrune,
  healthConfirm,
  healthWait,
  imagePull,
  imageResolve,
  instanceQuarantine,
  instanceReadmit,
  networkHold,
  releaseCommand,
  releaseCommit,
  releasePrune,
  releaseRecall,
  rolloutResolve,
  shellLocal,
  shellRemote,
  targetConfirm,
  targetDeregister,
  targetGroupTune,
  targetRegister,
  targetSettle,
];

/** All tasks of oneclick, by name. */
export const tasks: Registry<Facts, Ports> = new Map(all.map((task) => [task.name, task]));
