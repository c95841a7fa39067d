import { type CommandEntry, entry, type Family, family } from '../define-command.js';
import { build } from './build/command.js';
import { configCheck } from './config/check/command.js';
import { configDocs } from './config/docs/command.js';
import { configSchema } from './config/schema/command.js';
import { configShow } from './config/show/command.js';
import { cp } from './cp/command.js';
import { deploy } from './deploy/command.js';
import { diff } from './diff/command.js';
import { doctor } from './doctor/command.js';
import { exec } from './exec/command.js';
import { history } from './history/command.js';
import { hostBootstrap } from './host/bootstrap/command.js';
import { iamPolicy } from './iam/policy/command.js';
import { init } from './init/command.js';
import { lbActivate } from './lb/activate/command.js';
import { lbDeactivate } from './lb/deactivate/command.js';
import { lbStatus } from './lb/status/command.js';
import { lbTune } from './lb/tune/command.js';
import { leaseShow } from './lease/show/command.js';
import { leaseTake } from './lease/take/command.js';
import { logs } from './logs/command.js';
import { plan } from './plan/command.js';
import { promote } from './promote/command.js';
import { prune } from './prune/command.js';
import { recipeEject } from './recipe/eject/command.js';
import { recipeList } from './recipe/list/command.js';
import { recipeShow } from './recipe/show/command.js';
import { releases } from './releases/command.js';
import { restart } from './restart/command.js';
import { resume } from './resume/command.js';
import { rollback } from './rollback/command.js';
import { runCommand } from './run/command.js';
import { sandboxDown } from './sandbox/down/command.js';
import { sandboxEnv } from './sandbox/env/command.js';
import { sandboxFault } from './sandbox/fault/command.js';
import { sandboxStatus } from './sandbox/status/command.js';
import { sandboxUp } from './sandbox/up/command.js';
import { settle } from './settle/command.js';
import { ssh } from './ssh/command.js';
import { start } from './start/command.js';
import { status } from './status/command.js';
import { stop } from './stop/command.js';

/** Every command, in the order of the help; the code of one is loaded when it runs. */
export const commands: readonly (CommandEntry | Family)[] = [
  entry(init, () => import('./init/run.js')),
  entry(build, () => import('./build/run.js')),
  entry(deploy, () => import('./deploy/run.js')),
  entry(promote, () => import('./promote/run.js')),
  entry(rollback, () => import('./rollback/run.js')),
  entry(runCommand, () => import('./run/run.js')),
  entry(plan, () => import('./plan/run.js')),
  entry(status, () => import('./status/run.js')),
  entry(history, () => import('./history/run.js')),
  entry(releases, () => import('./releases/run.js')),
  entry(diff, () => import('./diff/run.js')),
  entry(logs, () => import('./logs/run.js')),
  entry(exec, () => import('./exec/run.js')),
  entry(cp, () => import('./cp/run.js')),
  entry(ssh, () => import('./ssh/run.js')),
  entry(prune, () => import('./prune/run.js')),
  entry(settle, () => import('./settle/run.js')),
  family('lb', 'manage load balancer targets', [
    entry(lbStatus, () => import('./lb/status/run.js')),
    entry(lbActivate, () => import('./lb/activate/run.js')),
    entry(lbDeactivate, () => import('./lb/deactivate/run.js')),
    entry(lbTune, () => import('./lb/tune/run.js')),
  ]),
  family('iam', 'show the AWS permissions oneclick needs', [
    entry(iamPolicy, () => import('./iam/policy/run.js')),
  ]),
  entry(restart, () => import('./restart/run.js')),
  entry(stop, () => import('./stop/run.js')),
  entry(start, () => import('./start/run.js')),
  entry(resume, () => import('./resume/run.js')),
  entry(doctor, () => import('./doctor/run.js')),
  family('host', 'prepare hosts for deploys', [
    entry(hostBootstrap, () => import('./host/bootstrap/run.js')),
  ]),
  family('config', 'check and print the configuration', [
    entry(configCheck, () => import('./config/check/run.js')),
    entry(configShow, () => import('./config/show/run.js')),
    entry(configSchema, () => import('./config/schema/run.js')),
    entry(configDocs, () => import('./config/docs/run.js')),
  ]),
  family('recipe', 'list, print and customize recipes', [
    entry(recipeList, () => import('./recipe/list/run.js')),
    entry(recipeShow, () => import('./recipe/show/run.js')),
    entry(recipeEject, () => import('./recipe/eject/run.js')),
  ]),
  family('lease', 'show or take over the lease on the hosts', [
    entry(leaseShow, () => import('./lease/show/run.js')),
    entry(leaseTake, () => import('./lease/take/run.js')),
  ]),
  family('sandbox', 'run a private cloud on this machine to try things out', [
    entry(sandboxUp, () => import('./sandbox/up/run.js')),
    entry(sandboxDown, () => import('./sandbox/down/run.js')),
    entry(sandboxStatus, () => import('./sandbox/status/run.js')),
    entry(sandboxEnv, () => import('./sandbox/env/run.js')),
    entry(sandboxFault, () => import('./sandbox/fault/run.js')),
  ]),
];
