import { describe, expect, it } from '@jest/globals';
import { openReporter } from '../../../src/report/open-reporter.js';
import { MovableClock } from '../../fakes/clock.js';
import { BufferOutput } from '../../fakes/output.js';
import { begins, ends, finished, plan, says, started, step, unhealthy } from './scenario.js';

const at = '2026-01-01T00:00:00.000Z';
const pull = step('web-1', 'image.pull');
const place = {
  step: 'web/web-1/image.pull',
  task: 'image.pull',
  service: 'web',
  instance: 'web-1',
  host: 'web-1',
};

const open = async (redact = (text: string) => text) => {
  const output = new BufferOutput();
  output.redact = redact;
  const reporter = await openReporter({ output, clock: new MovableClock(), mode: 'json', env: {} });
  const lines = () =>
    output.stdout.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
  return { output, reporter, lines };
};

describe('the report as JSON', () => {
  it('has one event per line, with schema, type and time, and without intents and receipts', async () => {
    const { reporter, lines, output } = await open();
    reporter.event(started(plan([pull])));
    reporter.event(begins(pull, 'pull api:v2'));
    reporter.event(says(pull, '12 of 40 MB', 0.3));
    reporter.event(ends(pull, 120));
    reporter.event(finished());
    reporter.warn('careful');
    reporter.close();
    expect(lines()).toEqual([
      {
        schema: 1,
        type: 'run.started',
        at,
        run: plan([]).run,
        onFailure: 'revert',
        steps: [place],
        after: [],
      },
      { schema: 1, type: 'step.started', at, ...place, title: 'pull api:v2', changes: [] },
      { schema: 1, type: 'step.progress', at, ...place, text: '12 of 40 MB', fraction: 0.3 },
      { schema: 1, type: 'step.done', at, ...place, ms: 120 },
      {
        schema: 1,
        type: 'run.ended',
        at,
        ms: 4_200,
        outcome: {
          result: 'done',
          exitCode: 0,
          failures: [],
          left: [],
          never: [],
          cancelled: false,
          committed: true,
        },
      },
      { schema: 1, type: 'warning', at, text: 'careful' },
    ]);
    expect(output.stderr.text).toBe('');
  });

  it('prints the result of a command as one document with its schema', async () => {
    const { reporter, output } = await open();
    reporter.result({ environment: 'production', services: [] }, () => 'never');
    expect(output.stdout.text).toBe(
      '{\n  "schema": 1,\n  "environment": "production",\n  "services": []\n}\n',
    );
  });

  it('prints failures and problems as data', async () => {
    const { reporter, lines } = await open();
    reporter.problems([unhealthy]);
    reporter.failure({ failures: [unhealthy] });
    expect(lines()).toEqual([
      { schema: 1, type: 'problems', at, problems: [unhealthy] },
      { schema: 1, type: 'failure', at, failures: [unhealthy] },
    ]);
  });

  it('redacts texts before they are quoted', async () => {
    const { reporter, lines } = await open((text) => text.replaceAll('a"b\nc', '***'));
    reporter.note('the key is a"b\nc');
    expect(lines()).toEqual([{ schema: 1, type: 'note', at, text: 'the key is ***' }]);
  });
});
