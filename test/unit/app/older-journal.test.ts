import { join } from 'node:path';
import { expect, it } from '@jest/globals';
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
