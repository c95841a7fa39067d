import { describe, expect, it } from '@jest/globals';
import { timeOfDay } from '../../../src/domain/clock.js';
import { guarded } from '../../../src/report/open-reporter.js';
import type { Detail } from '../../../src/report/reporter.js';
import { plainStyle } from '../../../src/report/style.js';
import { TerminalReporter } from '../../../src/report/terminal.js';
import { printable } from '../../../src/report/text.js';
import { MovableClock } from '../../fakes/clock.js';
import { BufferOutput } from '../../fakes/output.js';
import { TerminalModel } from '../../fakes/terminal.js';
import { begins, ends, fails, finished, outcome, plan, says, started, step, unhealthy } from './scenario.js';

const open = (columns = 80, detail: Detail = 'usual') => {
  const output = new BufferOutput({ columns, interactive: true });
  const terminal = new TerminalModel(columns);
  output.stderr.tap = (text) => terminal.write(text);
  output.stdout.tap = (text) => terminal.write(text.replaceAll('\n', '\r\n'));
  const clock = new MovableClock();
  const reporter = guarded(
    new TerminalReporter({
      output,
      clock,
      detail,
      spin: (text) => `* ${text}`,
      style: plainStyle,
      resultStyle: plainStyle,
    }),
    printable,
  );
  const resize = (to: number) => {
    terminal.resize(to);
    output.stderr.columns = to;
    output.stdout.columns = to;
  };
  return { output, terminal, clock, reporter, resize };
};

const hosts = ['web-1', 'web-2', 'web-3'];
const pulls = hosts.map((host) => step(host, 'image.pull'));
const waits = hosts.map((host) => step(host, 'health.wait'));
const [pull1, pull2, pull3] = pulls as [(typeof pulls)[0], (typeof pulls)[0], (typeof pulls)[0]];
const [wait1, wait2] = waits as [(typeof waits)[0], (typeof waits)[0]];

describe('the live block', () => {
  it('has one line per host, with its step and the progress of a pull', async () => {
    const { terminal, clock, reporter } = open();
    reporter.event(started(plan([...pulls, ...waits])));
    reporter.event(begins(pull1, 'pull api:v2'));
    reporter.event(says(pull1, '12 of 40 MB', 0.3));
    reporter.event(begins(pull2, 'pull api:v2'));
    await clock.advance(2_000);
    expect(terminal.screen).toBe(
      [
        'deploy web  production  run 3f2a',
        '* 0 of 6 steps  2.0s',
        '  web-1  pull api:v2: 12 of 40 MB                      ━━━━────────  30%   2.0s',
        '  web-2  pull api:v2                                                       2.0s',
        '  web-3  waiting',
      ].join('\n'),
    );
    reporter.close();
  });

  it('folds steps that finished on many hosts into one line above it', async () => {
    const { terminal, clock, reporter } = open(120);
    reporter.event(started(plan([...pulls, wait1])));
    for (const pull of pulls) reporter.event(begins(pull, 'pull api:v2'));
    await clock.advance(1_000);
    reporter.event(ends(pull1, 900));
    reporter.event(ends(pull2, 1_000));
    await clock.advance(1_000);
    expect(terminal.screen).not.toContain('✓');
    reporter.event(ends(pull3, 2_000));
    reporter.event(begins(wait1, 'wait for web to become healthy'));
    await clock.advance(1_000);
    expect(terminal.screen).toBe(
      [
        'deploy web  production  run 3f2a',
        '✓ pull api:v2 on 3 hosts (web-1, web-2, web-3)  2.0s',
        '* 3 of 4 steps  3.0s',
        `  web-1  wait for web to become healthy${' '.repeat(67)}1.0s`,
        '  web-2  done',
        '  web-3  done',
      ].join('\n'),
    );
    reporter.close();
  });

  it('shows what it is waiting for after five seconds of silence', async () => {
    const { terminal, clock, reporter } = open();
    reporter.event(started(plan(waits)));
    reporter.event(begins(wait1, 'wait for web to become healthy'));
    reporter.event(begins(wait2, 'wait for web to become healthy'));
    for (let second = 0; second < 6; second += 1) {
      reporter.event(says(wait1, '503 (timeout 12:03:30)'));
      await clock.advance(1_000);
    }
    expect(terminal.screen.split('\n').slice(-2)).toEqual([
      '  waiting for web-1 and 1 more: wait for web to become healthy: 503 (timeout',
      '  12:03:30)',
    ]);
    reporter.event(says(wait1, '502 (timeout 12:03:30)'));
    await clock.advance(100);
    expect(terminal.screen).not.toContain('waiting for');
    reporter.close();
  });

  it('leaves only finished lines when the run has ended', async () => {
    const { terminal, clock, reporter } = open();
    const done = reporter.busy('checking 3 hosts');
    await clock.advance(500);
    expect(terminal.screen).toBe('* checking 3 hosts');
    done();
    reporter.event(started(plan([...pulls, wait1])));
    for (const pull of pulls) reporter.event(begins(pull, 'pull api:v2'));
    await clock.advance(500);
    for (const pull of pulls) reporter.event(ends(pull, 500));
    reporter.event({ type: 'run.warning', text: 'PASSWORD is short', step: pull1.id });
    reporter.event(begins(wait1, 'wait for web to become healthy'));
    await clock.advance(500);
    reporter.event(fails(wait1, 500, { ...unhealthy, message: '/up returned 503' }));
    reporter.event({ type: 'undo.started', step: pull1.id, title: 'pull api:v2' });
    await clock.advance(500);
    expect(terminal.screen.split('\n').slice(-2)).toEqual([
      '* undoing  1.5s',
      `  web-1  undoing: pull api:v2${' '.repeat(46)}0.5s`,
    ]);
    reporter.event({ type: 'undo.done', step: pull1.id, ms: 500 });
    reporter.event(finished(outcome({ result: 'reverted' })));
    reporter.close();
    expect(terminal.screen).toBe(
      [
        'deploy web  production  run 3f2a',
        '✓ pull api:v2 on 3 hosts (web-1, web-2, web-3)  0.5s',
        '! web-1: PASSWORD is short',
        '✗ wait for web to become healthy on web-1: /up returned 503  0.5s',
        '← undone: pull api:v2 on web-1  0.5s',
      ].join('\n'),
    );
    expect(terminal.cursorShown).toBe(true);
    expect(clock.sleeping).toBe(0);
  });

  it('is never as wide as the terminal, whatever hosts are called and print', async () => {
    for (const columns of [40, 80, 120]) {
      const { terminal, clock, reporter } = open(columns);
      const long = Array.from({ length: 60 }, (_, n) =>
        step(`host-of-the-${'long'.repeat(9)}-name-${n}`, 'image.pull'),
      );
      reporter.event(started(plan(long)));
      for (const one of long) {
        reporter.event(begins(one, `pull ${'registry.example.com/'.repeat(8)}api:v2`));
        reporter.event(says(one, 'many words '.repeat(30), 0.5));
      }
      await clock.advance(6_000);
      expect(terminal.widest).toBeLessThan(columns);
      expect(terminal.screen.split('\n').length).toBeLessThan(24);
      expect(terminal.screen).toContain('more running');
      reporter.close();
    }
  });

  it('redraws cleanly when the terminal becomes narrower or wider', async () => {
    const { terminal, clock, reporter, resize } = open(120);
    reporter.event(started(plan(waits)));
    for (const wait of waits) reporter.event(begins(wait, 'wait for web to become healthy'));
    await clock.advance(1_000);
    for (const columns of [60, 35, 100, 80]) {
      resize(columns);
      await clock.advance(200);
    }
    expect(terminal.screen).toBe(
      [
        'deploy web  production  run 3f2a',
        '* 0 of 3 steps  1.8s',
        ...hosts.map((host) => `  ${host}  wait for web to become healthy${' '.repeat(36)}1.8s`),
      ].join('\n'),
    );
    reporter.close();
    expect(terminal.screen).toBe('deploy web  production  run 3f2a');
  });

  it('moves below a result', async () => {
    const { terminal, clock, reporter } = open();
    reporter.event(started(plan(waits.slice(0, 1))));
    reporter.event(begins(wait1, 'wait'));
    await clock.advance(500);
    reporter.result({ answer: 42 }, ({ answer }) => `the answer is ${answer}\n`);
    await clock.advance(500);
    expect(terminal.screen).toBe(
      [
        'deploy web  production  run 3f2a',
        'the answer is 42',
        '* 0 of 1 steps  1.0s',
        `  web-1  wait${' '.repeat(62)}1.0s`,
      ].join('\n'),
    );
    reporter.close();
  });

  it('shows the cursor again when the process exits during a run', async () => {
    const { terminal, clock, reporter, output } = open();
    reporter.event(started(plan(waits)));
    await clock.advance(500);
    expect(terminal.cursorShown).toBe(false);
    output.exit();
    expect(terminal.cursorShown).toBe(true);
    reporter.close();
  });

  it('does not draw what hosts print', async () => {
    const { terminal, clock, reporter } = open();
    reporter.event(started(plan(waits.slice(0, 1))));
    reporter.event(begins(wait1, 'wait'));
    reporter.event(says(wait1, '\u001b[10A\u001b[2Jboo\n\nboo\r'));
    await clock.advance(500);
    expect(terminal.screen.split('\n').at(-1)).toMatch(/^ {2}web-1 {2}wait: boo boo +0\.5s$/);
    reporter.close();
  });
});

describe('an activity outside a run', () => {
  it('shows the pending host and its timeout after five seconds', async () => {
    const { terminal, clock, reporter } = open(100);
    const done = reporter.busy('checking production');
    reporter.call({ host: 'web-1', kind: 'connect', what: 'ada@10.0.0.5:22', timeout: 10_000 });
    await clock.advance(4_000);
    expect(terminal.screen).toBe('* checking production  4.0s');
    await clock.advance(1_040);
    const timeout = timeOfDay(new Date(clock.now().getTime() + 4_960));
    expect(terminal.screen).toBe(
      `* checking production  5.0s\n  waiting for web-1: connect to ada@10.0.0.5:22 (timeout ${timeout})`,
    );
    done();
    expect(terminal.screen).toBe('');
    reporter.close();
  });

  it('is shown in full after five seconds if its line was cut', async () => {
    const { terminal, clock, reporter } = open(40);
    reporter.busy('waiting for web-1: eve has been deploying shop');
    await clock.advance(4_900);
    expect(terminal.screen).toBe('* waiting for web-1: eve has been depl…');
    await clock.advance(200);
    expect(terminal.screen.split('\n').slice(1)).toEqual([
      '  waiting for web-1: eve has been',
      '  deploying shop',
    ]);
    reporter.close();
  });

  it('has every call above it when verbose', async () => {
    const { terminal, reporter } = open(80, 'verbose');
    reporter.call({ host: 'web-1', kind: 'engine', what: 'look up api:v2' })({ duration: 21 });
    reporter.close();
    expect(terminal.screen).toMatch(/^\d\d:\d\d:\d\d web-1: look up api:v2 \(21 ms\)$/);
  });
});
