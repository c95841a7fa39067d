import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { type PreviewDocument, type PreviewStep, previewText } from '../../../src/report/preview.js';
import { plainStyle } from '../../../src/report/style.js';
import { step } from './scenario.js';

type Verdict = PreviewStep['verdict'];

const hosts = ['web-1', 'web-2', 'web-3'];
const todo = (text: string, certainty: 'certain' | 'expected' = 'certain'): Verdict => ({
  kind: 'todo',
  certainty,
  changes: [{ text }],
});
const done = (because: string): Verdict => ({ kind: 'done', because });

const on = (
  names: readonly string[],
  task: string,
  title: string,
  verdict: (host: string) => Verdict,
  more: { never?: string; after?: boolean; service?: string } = {},
): PreviewStep[] => {
  const { service = 'web', after = false, ...rest } = more;
  return names.map((host) => ({
    step: step(host, task, service),
    title,
    verdict: verdict(host),
    after,
    ...rest,
  }));
};

const deploy: PreviewDocument = {
  steps: [
    ...on(hosts, 'image.pull', 'pull web:2', (host) =>
      host === 'web-1' ? done('the image is there already') : todo('pull web:2'),
    ),
    ...on(hosts, 'container.create', 'create web-4', () => todo('create web-4')),
    ...on(['web-1'], 'release.command', 'migrate the database', () => todo('run bin/migrate'), {
      never: 'migrations may have changed data',
    }),
    ...on(hosts, 'container.start', 'start web-4', () => todo('start web-4', 'expected')),
    ...on(hosts, 'health.wait', 'wait for web to become healthy', (host) => ({
      kind: 'unknown',
      waitsFor: step(host, 'container.start').id,
    })),
    ...on(hosts, 'release.prune', 'remove old releases', () => done('no more than 5 are kept'), {
      after: true,
    }),
  ],
};

const text = (preview: PreviewDocument, columns: number) =>
  previewText(preview, { columns, style: plainStyle });

describe('the plan as text', () => {
  it('folds equal changes on many hosts, and marks later decisions and steps without undo', () => {
    expect(text(deploy, 80)).toBe(
      [
        'web',
        '  1   pull web:2',
        '      = nothing to do on web-1: the image is there already',
        '      + pull web:2 on 2 hosts (web-2, web-3)',
        '  2 + create web-4 on 3 hosts (web-1, web-2, web-3)',
        '  3   migrate the database',
        '      + run bin/migrate on web-1',
        '        cannot be undone: migrations may have changed data',
        '  4 ~ start web-4 on 3 hosts (web-1, web-2, web-3), depends on earlier steps',
        '  5 ? wait for web to become healthy on 3 hosts: decided after step 4',
        '',
        'web, after the commit',
        '  6 = remove old releases on 3 hosts (web-1 and 2 more): no more than 5 are kept',
        '',
        '9 changes on 3 hosts; 3 depend on earlier steps; 3 steps are decided later.',
        '',
      ].join('\n'),
    );
  });

  it('names all hosts if there is room', () => {
    expect(text(deploy, 120)).toContain(
      '  5 ? wait for web to become healthy on 3 hosts (web-1, web-2, web-3): decided after step 4\n',
    );
  });

  it('is never wider than the page', () => {
    const many = Array.from({ length: 40 }, (_, index) => `a-rather-long-name-of-a-host-${index}`);
    const long = on(many, 'image.pull', 'pull it', () =>
      todo(`pull ${'registry.example.com/'.repeat(6)}web:2`),
    );
    for (const columns of [40, 80, 120]) {
      const widths = text({ steps: [...deploy.steps, ...long] }, columns)
        .split('\n')
        .map((line) => line.length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
    }
  });

  it('separates services and counts problems', () => {
    const problem = new Failure('failed', 'port.taken', 'port 80 is held by nginx', {
      hint: '--adopt nginx',
    });
    const preview = {
      steps: [
        ...on(['web-1'], 'image.pull', 'pull it', () => todo('pull web:2')),
        ...on(['web-1'], 'image.pull', 'pull it', () => todo('pull worker:2'), { service: 'worker' }),
        ...on(hosts, 'container.start', 'start it', () => ({ kind: 'blocked', problems: [problem] })),
      ],
    };
    expect(text(preview, 80)).toBe(
      [
        'web',
        '  1   pull it',
        '      + pull web:2 on web-1',
        '  2   start it',
        '      ! port 80 is held by nginx on 3 hosts (web-1, web-2, web-3): --adopt nginx',
        '',
        'worker',
        '  3   pull it',
        '      + pull worker:2 on web-1',
        '',
        '2 changes on 1 host; 3 problems to fix first.',
        '',
      ].join('\n'),
    );
  });

  it('says if there is nothing to do', () => {
    expect(text({ steps: [] }, 80)).toBe('Nothing to do.\n');
  });

  it('ends with cautions, the expected times, and the slowest part', () => {
    const cautions = ['web-1: sg-1 does not allow the load balancer of web on port 80'];
    const better = 'reduce to 30 s: oneclick lb tune web';
    const most = { ms: 300_000, cause: 'the deregistration delay of shop-web, 300 s', better };
    const forecast = { live: 15_000, after: 315_000, most };
    expect(text({ steps: [], cautions, forecast }, 120)).toBe(
      [
        '! web-1: sg-1 does not allow the load balancer of web on port 80',
        'Nothing to do.',
        'Expected: live after about 15s, old containers stopped after about 5m 30s.',
        'Slowest part: the deregistration delay of shop-web, 300 s; reduce to 30 s: oneclick lb tune web',
        '',
      ].join('\n'),
    );
    const short = { live: 30_000, after: 0, most: { ms: 30_000, cause: 'the deregistration delay' } };
    expect(text({ steps: [], forecast: short }, 80)).toBe(
      'Nothing to do.\nExpected: done after about 30s.\n',
    );
  });
});
