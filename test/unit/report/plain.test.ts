import { describe, expect, it } from '@jest/globals';
import { timeOfDay } from '../../../src/domain/clock.js';
import { openReporter } from '../../../src/report/open-reporter.js';
import type { Detail, ReportMode } from '../../../src/report/reporter.js';
import { MovableClock } from '../../fakes/clock.js';
import { BufferOutput } from '../../fakes/output.js';
import {
  begins,
  decision,
  ends,
  fails,
  finished,
  outcome,
  plan,
  says,
  skips,
  started,
  step,
  unhealthy,
} from './scenario.js';

const open = async (
  env: Record<string, string> = {},
  { mode = 'auto', detail = 'usual' }: { mode?: ReportMode; detail?: Detail } = {},
) => {
  const output = new BufferOutput({ columns: 80 });
  const clock = new MovableClock();
  const reporter = await openReporter({ output, clock, mode, detail, env });
  return { output, clock, reporter };
};

const pull = step('web-1', 'image.pull');
const health = step('web-2', 'health.wait');

describe('the plain report', () => {
  it('prints one line per event, as host: step (time)', async () => {
    const { output, reporter } = await open();
    reporter.event(started(plan([pull, health])));
    reporter.event(begins(pull, 'pull api:v2'));
    reporter.event(says(pull, '12 of 40 MB', 0.3));
    reporter.event(ends(pull, 120));
    reporter.event({ type: 'run.warning', text: 'PASSWORD is short', step: pull.id });
    reporter.event({ type: 'run.committed', at: '' });
    reporter.event(finished());
    reporter.summary(outcome(), { recipe: 'deploy', environment: 'production', services: [], ms: 4_200 });
    reporter.close();
    expect(output.stderr.text).toBe(
      [
        'deploy web  production  run 3f2a',
        'web-1: pull api:v2 (0.1s)',
        'warning: web-1: PASSWORD is short',
        'committed (no automatic rollback from here)',
        '✓ production: deploy finished in 4.2s',
        '',
      ].join('\n'),
    );
    expect(output.stdout.text).toBe('');
  });

  it('reports an undo that was requested as a success, with what was left', async () => {
    const { output, reporter } = await open();
    const reason = 'web-3 was left out';
    const never = ['a', 'b'].map((step) => ({ step, reason }));
    const summary = { recipe: 'deploy', environment: 'production', services: [], ms: 4_200 };
    reporter.summary(outcome({ result: 'reverted', never }), summary);
    expect(output.stderr.text).toBe(`✓ undone: deploy on production in 4.2s\n! not undone: ${reason}\n`);
  });

  it('shows when a release was live if the work after it took long', async () => {
    const { output, reporter } = await open();
    const summary = { recipe: 'deploy', environment: 'production', services: [] };
    reporter.summary(outcome(), { ...summary, ms: 53_100, live: 22_300 });
    reporter.summary(outcome(), { ...summary, ms: 4_200, live: 4_100 });
    expect(output.stderr.text.split('\n')).toEqual([
      '✓ production: deploy finished in 53.1s, live after 22.3s',
      '✓ production: deploy finished in 4.2s',
      '',
    ]);
  });

  it('prints decisions, but no steps or undos that did nothing', async () => {
    const { output, reporter } = await open();
    const rollout = decision('rollout.resolve');
    reporter.event(started(plan([rollout, pull, health])));
    reporter.event(skips(rollout, 'release 4 is the current one', true));
    reporter.event(skips(pull, 'it is already there'));
    reporter.event(skips(health, 'it runs already, with older values of KEY', true));
    reporter.event({ type: 'run.committed', at: '' });
    reporter.event({ type: 'undo.done', step: pull.id, ms: 0 });
    reporter.close();
    expect(output.stderr.text).toBe(
      [
        'deploy web  production  run 3f2a',
        'web: release 4 is the current one',
        'web-2: it runs already, with older values of KEY',
        '',
      ].join('\n'),
    );
  });

  it('prints the undo of a failed run', async () => {
    const { output, reporter } = await open();
    reporter.event(started(plan([pull, health])));
    reporter.event(begins(health, 'wait for web to become healthy'));
    reporter.event(fails(health, 30_000, unhealthy));
    reporter.event({ type: 'undo.started', step: pull.id, title: 'start web-4' });
    reporter.event({ type: 'undo.done', step: pull.id, ms: 400 });
    reporter.event({ type: 'undo.never', step: 'web/release.command', reason: 'migrations ran' });
    reporter.event({ type: 'run.cancelled', at: '', by: 'SIGINT', policy: 'revert' });
    const ended = outcome({ result: 'reverted', failures: [unhealthy] });
    reporter.event(finished(ended));
    reporter.failure(ended);
    reporter.close();
    expect(output.stderr.text).toBe(
      [
        'deploy web  production  run 3f2a',
        'web-2: failed: wait for web to become healthy (30.0s): web-2 did not become healthy in 30s: /up returned 503',
        'web-1: undone: start web-4 (0.4s)',
        'all: not undone: web/release.command: migrations ran',
        'warning: interrupted by SIGINT: undoing the finished steps',
        '✗ deploy web on production failed at "wait for web to become healthy":',
        '  everything was undone',
        '  cause  web-2 did not become healthy in 30s: /up returned 503',
        '  | exited with code 1',
        '  | GET /up: 503 in 12 ms',
        '  | Error: connect ECONNREFUSED 10.0.0.9:5432',
        '  next   oneclick logs web --host web-2 --release 4',
        '',
      ].join('\n'),
    );
  });

  it('prints what it is waiting for after five seconds of silence, and again after five more', async () => {
    const { output, clock, reporter } = await open();
    reporter.event(started(plan([health])));
    reporter.event(begins(health, 'wait for web to become healthy'));
    reporter.event(says(health, '503 from /up (timeout 12:03:30)'));
    const before = output.stderr.text;
    await clock.advance(4_900);
    expect(output.stderr.text).toBe(before);
    await clock.advance(5_200);
    expect(output.stderr.text.slice(before.length)).toBe(
      [
        'waiting for web-2: wait for web to become healthy: 503 from /up (timeout 12:03:30)',
        'waiting for web-2: wait for web to become healthy: 503 from /up (timeout 12:03:30)',
        '',
      ].join('\n'),
    );
    reporter.close();
    await clock.advance(60_000);
    expect(clock.sleeping).toBe(0);
  });

  it('prints the host, timeout and number of pending calls', async () => {
    const { output, clock, reporter } = await open();
    const done = reporter.busy('checking production');
    const calls = ['web-1', 'web-2'].map((host) =>
      reporter.call({ host, kind: 'connect', what: 'ada@10.0.0.5:22', timeout: 10_000 }),
    );
    await clock.advance(5_500);
    calls[0]?.({ duration: 5_500 });
    await clock.advance(5_000);
    const timeout = timeOfDay(new Date(clock.now().getTime() - 500));
    expect(output.stderr.text).toBe(
      [
        'checking production',
        `waiting for web-1 and 1 more: connect to ada@10.0.0.5:22 (timeout ${timeout})`,
        `waiting for web-2: connect to ada@10.0.0.5:22 (timeout ${timeout})`,
        '',
      ].join('\n'),
    );
    done();
    reporter.close();
  });

  it('prints the timeout of a step’s call if the step has none', async () => {
    const { output, clock, reporter } = await open();
    reporter.event(started(plan([health])));
    reporter.event(begins(health, 'stop web release 1'));
    reporter.call({ host: 'web-2', kind: 'engine', what: 'stopping web-1', timeout: 30_000 });
    await clock.advance(5_500);
    const timeout = timeOfDay(new Date(clock.now().getTime() + 24_500));
    expect(output.stderr.text).toContain(`waiting for web-2: stop web release 1 (timeout ${timeout})\n`);
    reporter.close();
  });

  it('prints the latest of several activities', async () => {
    const { output, clock, reporter } = await open();
    reporter.busy('checking production');
    reporter.busy('waiting for web-1 (timeout 14:30:00)');
    await clock.advance(5_500);
    expect(output.stderr.text.split('\n')[2]).toBe('waiting for web-1 (timeout 14:30:00) (5.0s)');
    reporter.close();
  });

  it('prints late activities only once they take long', async () => {
    const { output, clock, reporter } = await open();
    reporter.busy('searching for web', { late: true })();
    await clock.advance(60_000);
    expect(output.stderr.text).toBe('');
    reporter.busy('searching for web', { late: true });
    await clock.advance(5_500);
    expect(output.stderr.text).toBe('searching for web (5.0s)\n');
    reporter.close();
  });

  it('prints only warnings, failures and results when quiet', async () => {
    const { output, clock, reporter } = await open({}, { detail: 'quiet' });
    reporter.busy('checking production');
    reporter.note('nothing was changed');
    reporter.event(started(plan([pull])));
    reporter.event(begins(pull, 'pull api:v2'));
    await clock.advance(60_000);
    reporter.event({ type: 'run.warning', text: 'PASSWORD is short', step: pull.id });
    reporter.event(ends(pull, 120));
    reporter.event(finished());
    reporter.summary(outcome(), { recipe: 'deploy', environment: 'production', services: [], ms: 4_200 });
    reporter.result({ release: 4 }, () => 'release 4\n');
    reporter.close();
    expect(output.stderr.text).toBe('warning: web-1: PASSWORD is short\n');
    expect(output.stdout.text).toBe('release 4\n');
  });

  it('prints every call with its time, host and result when verbose', async () => {
    const { output, clock, reporter } = await open({}, { detail: 'verbose' });
    const end = reporter.call({ host: 'web-1', kind: 'run', what: 'sh -c echo\ttime' });
    await clock.advance(21);
    end({ duration: 21, failure: 'host.timeout' });
    const began = timeOfDay(new Date(Date.UTC(2026, 0, 1)));
    expect(output.stderr.text).toBe(`${began} web-1: run sh -c echo time (21 ms): host.timeout\n`);
    reporter.close();
  });

  it('uses words instead of signs in plain mode', async () => {
    const { output, reporter } = await open({}, { mode: 'plain' });
    reporter.summary(outcome(), { recipe: 'deploy', environment: 'production', services: [], ms: 4_200 });
    reporter.failure({ failures: [unhealthy] });
    reporter.result({}, (_, { style }) => `${style.sign('hint')} run: oneclick status\n`);
    reporter.close();
    expect(output.stderr.text).toContain('ok: production: deploy finished in 4.2s\nfailed: web-2 did not');
    expect(output.stderr.text + output.stdout.text).not.toMatch(/[✓✗→]/);
  });

  it('is silent again once an activity ends', async () => {
    const { output, clock, reporter } = await open();
    const done = reporter.busy('checking 3 hosts');
    await clock.advance(5_500);
    done();
    await clock.advance(60_000);
    expect(output.stderr.text).toBe('checking 3 hosts\nchecking 3 hosts (5.0s)\n');
    expect(clock.sleeping).toBe(0);
    reporter.close();
  });

  it('groups the steps in the logs of GitHub and GitLab, but not the result', async () => {
    const lines = async (env: Record<string, string>) => {
      const { output, reporter } = await open(env);
      reporter.event(started(plan([pull])));
      reporter.event(begins(pull, 'pull api:v2'));
      reporter.event(ends(pull, 120));
      reporter.event(finished());
      reporter.note('done');
      reporter.close();
      return output.stderr.text;
    };
    expect(await lines({ GITHUB_ACTIONS: 'true' })).toBe(
      '::group::deploy web  production  run 3f2a\nweb-1: pull api:v2 (0.1s)\n::endgroup::\ndone\n',
    );
    expect(await lines({ GITLAB_CI: 'true' })).toBe(
      '\u001b[0Ksection_start:1767225600:run[collapsed=true]\r\u001b[0Kdeploy web  production  run 3f2a\n' +
        'web-1: pull api:v2 (0.1s)\n\u001b[0Ksection_end:1767225600:run\r\u001b[0K\ndone\n',
    );
  });

  it('does not pass workflow commands from hosts to GitHub’s runner', async () => {
    const { output, reporter } = await open({ GITHUB_ACTIONS: 'true' });
    reporter.note('::add-mask::everything');
    reporter.note('log: ##[error]fake');
    reporter.close();
    expect(output.stderr.text).toBe(': :add-mask::everything\nlog: # #[error]fake\n');
  });
});

describe('text from hosts', () => {
  it('is printed without escapes', async () => {
    const { output, reporter } = await open();
    reporter.note('\u001b[2J\u001b[31mgone\u0007');
    reporter.result({ image: 'evil\u001b]0;title\u0007' }, ({ image }) => `${image}\n`);
    expect(output.stderr.text).toBe('gone\n');
    expect(output.stdout.text).toBe('evil\n');
    reporter.close();
  });

  it('is redacted before it is cut', async () => {
    const { output, reporter } = await open();
    const secret = 'hunter22hunter22hunter22hunter22hunter22hunter22hunter22hunter22';
    output.redact = (text) => text.replaceAll(secret, '***');
    reporter.failure({
      failures: [{ ...unhealthy, evidence: [`connecting to postgres://web:${secret}@db/shop`] }],
    });
    expect(output.stderr.text).toContain('  | connecting to postgres://web:***@db/shop\n');
    reporter.close();
  });
});
