import type { Context } from '../../src/app/context.js';
import { Redaction } from '../../src/domain/redact.js';
import { offlineAdapters } from './adapters.js';
import { MovableClock } from './clock.js';

/** A context without variables or hosts; `special` replaces parts of it. */
export function testContext(special: Partial<Context> = {}): Context {
  return {
    cwd: '/project',
    env: { NO_COLOR: '1' },
    home: '/home/me',
    user: 'me',
    who: 'me@here',
    clock: new MovableClock(),
    redaction: new Redaction(),
    adapters: offlineAdapters,
    random: () => 0,
    runId: () => '000000',
    stateDir: '/state',
    configDir: '/config',
    packageDir: new URL('../..', import.meta.url).pathname,
    ...special,
  };
}
