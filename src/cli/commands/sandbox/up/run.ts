import type { Context } from '../../../../app/context.js';
import { controlSandbox } from '../control-sandbox.js';
import type { SandboxUpFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: SandboxUpFlags): Promise<number> {
  const { machines, profile, seed } = flags;
  const args = [
    'up',
    ...(machines === undefined ? [] : ['--machines', String(machines)]),
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(seed === undefined ? [] : [`--seed=${seed}`]),
  ];
  return controlSandbox(args, context, flags);
}
