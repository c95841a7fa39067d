import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Context } from '../../../src/app/context.js';
import { openSession } from '../../../src/app/session.js';
import { Redaction } from '../../../src/domain/redact.js';
import { offlineAdapters } from '../../fakes/adapters.js';
import { MovableClock } from '../../fakes/clock.js';
import { RecordingListener } from '../../fakes/listener.js';

const config = `project: shop
services:
  web: { image: "nginx:1", secrets: [TOKEN, PIN, KEY] }
environments:
  production: { hosts: [10.0.0.5] }
  staging: { hosts: [10.0.0.6] }
default_environment: production
`;
let folder: string;
let context: Context;
let listener: RecordingListener;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-session-'));
  await writeFile(join(folder, 'oneclick.yml'), config);
  listener = new RecordingListener();
  context = {
    ...{ cwd: folder, env: { PATH: '/usr/bin:/bin' }, home: folder, user: 'ada', who: 'ada@here' },
    ...{ clock: new MovableClock(), random: () => 0.5, runId: () => 'run-1' },
    ...{ redaction: new Redaction(), adapters: offlineAdapters },
    ...{ stateDir: join(folder, 'state'), configDir: join(folder, 'config'), packageDir: folder },
  };
});

afterEach(() => rm(folder, { recursive: true }));

describe('a session', () => {
  it('has the named or the default environment', async () => {
    const named = await openSession(context, listener, { env: 'staging' });
    const usual = await openSession(context, listener, {});
    expect([named.environment.name, usual.environment.name]).toEqual(['staging', 'production']);
    expect(usual.environment.hosts).toMatchObject([{ address: '10.0.0.5' }]);
  });

  it('has no commit without a repository', async () => {
    expect(await openSession(context, listener, {})).toMatchObject({ commit: undefined });
  });

  it('fails and names the missing file without a project', async () => {
    await rm(join(folder, 'oneclick.yml'));
    await expect(openSession(context, listener, {})).rejects.toMatchObject({ code: 'config.missing' });
  });
});

describe('the secrets of a session', () => {
  it('are redacted as soon as they are found, even if another one is missing', async () => {
    await writeFile(join(folder, '.env.production'), 'TOKEN=hunter22-token\n');
    const { secrets } = await openSession(context, listener, {});
    await expect(secrets.get(['TOKEN', 'KEY'])).rejects.toMatchObject({ code: 'secret.missing' });
    expect(context.redaction.redact('it is hunter22-token')).toBe('it is ***');
  });

  it('cause a warning if too short to redact', async () => {
    await writeFile(join(folder, '.env.production'), 'PIN=1234\n');
    const { secrets } = await openSession(context, listener, {});
    expect(await secrets.get(['PIN'])).toEqual(new Map([['PIN', '1234']]));
    expect(listener.warnings).toEqual([
      'secret PIN is shorter than 6 characters, so it is not redacted in output and journals',
    ]);
  });
});
