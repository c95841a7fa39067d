import type { Context } from '../../../app/context.js';
import { given } from '../../../domain/given.js';
import { change } from '../../change.js';
import type { RollbackFlags } from './command.js';

export function run(context: Context, services: readonly string[], flags: RollbackFlags): Promise<number> {
  const { to, currentSecrets, settle } = flags;
  const params = { 'current-secrets': currentSecrets, settle, ...given({ to }) };
  return change(context, services, flags, { recipe: 'rollback', params });
}
