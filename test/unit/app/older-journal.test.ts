import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { needsToResume } from '../../../src/app/needs.js';
import { readRun } from '../../../src/run/journal.js';
import { resumeDirection } from '../../../src/run/resume.js';
import { tasks } from '../../../src/tasks/registry.js';

/** Written by the version of 2026-11-27, which was killed during its first host. */
const journal = join(import.meta.dirname, '../../fixtures/journals/29ccb0.jsonl');

it('resumes or undoes an unfinished run of an older version', async () => {
  const { progress } = await readRun(journal, tasks);
  expect(progress.plan.services.map(({ name }) => name)).toEqual(['web']);
  expect(resumeDirection(progress, tasks, false)).toBe('forward');
  expect(resumeDirection(progress, tasks, true)).toBe('revert');
  expect([...needsToResume(progress.plan, progress.receipts, tasks)]).toEqual(['hosts']);
});

describe('an unfinished run of a newer version', () => {
  const rewritten = async (change: (event: Record<string, unknown>) => void) => {
    const path = join(await mkdtemp(join(tmpdir(), 'oneclick-journal-')), '29ccb0.jsonl');
    const lines = (await readFile(journal, 'utf8')).trim().split('\n');
    const events = lines.map((line) => {
      const event = JSON.parse(line);
      change(event);
      return JSON.stringify(event);
    });
    await writeFile(path, `${events.join('\n')}\n`);
    return path;
  };
  const version = expect.objectContaining({ kind: 'usage', code: 'resume.version' });

  it('can be listed, but is not resumed if a service has a new setting', async () => {
    const path = await rewritten(({ plan }) => {
      if (typeof plan === 'object' && plan !== null && 'services' in plan && Array.isArray(plan.services))
        for (const service of plan.services) service.health.grpc = true;
    });
    const { progress } = await readRun(path, tasks);
    expect(progress.plan.services.map(({ name }) => name)).toEqual(['web']);
    expect(() => resumeDirection(progress, tasks, false)).toThrow(version);
    expect(() => resumeDirection(progress, tasks, false)).toThrow(
      'does not know health.grpc in the service web',
    );
  });

  it('is not resumed if an intent has a new key', async () => {
    const path = await rewritten(({ intent }) => {
      if (typeof intent === 'object' && intent !== null) Object.assign(intent, { unit: 'web' });
    });
    await expect(readRun(path)).resolves.toBeDefined();
    await expect(readRun(path, tasks)).rejects.toThrow(version);
  });

  it('is refused if it has an unknown event', async () => {
    const path = await rewritten((event) => {
      if (event.type === 'step.done') event.type = 'step.paused';
    });
    await expect(readRun(path)).rejects.toMatchObject({
      code: 'journal.newer',
      message: expect.stringMatching(/:\d+: unknown event "step\.paused"$/),
    });
  });
});
