import { describe, expect, it } from '@jest/globals';
import { type Card, failureCard } from '../../../src/report/card.js';
import { plainStyle } from '../../../src/report/style.js';
import { summaryText } from '../../../src/report/summary.js';
import { outcome, unhealthy } from './scenario.js';

const page = (columns: number) => ({ columns, style: plainStyle });

const runs = ['web-1', 'web-2', 'web-3'].map((host) => ({
  host,
  service: 'web',
  release: 'release 3 (api:v1)',
  state: 'healthy',
}));

const card: Card = {
  subject: 'deploy web on production',
  step: 'wait for web to become healthy',
  result: 'reverted',
  failures: [unhealthy],
  runs,
  left: [],
  never: [{ step: 'migrate the database', reason: 'migrations ran' }],
};

describe('the failure card', () => {
  it('shows the step, host, cause, current state and next command', () => {
    expect(failureCard(card, page(80))).toBe(
      [
        '✗ deploy web on production failed at "wait for web to become healthy":',
        '  everything was undone',
        '  cause  web-2 did not become healthy in 30s: /up returned 503',
        '  | exited with code 1',
        '  | GET /up: 503 in 12 ms',
        '  | Error: connect ECONNREFUSED 10.0.0.9:5432',
        '  now    web release 3 (api:v1), healthy on 3 hosts (web-1, web-2, web-3)',
        '  kept   "migrate the database" cannot be undone: migrations ran',
        '  next   oneclick logs web --host web-2 --release 4',
        '',
      ].join('\n'),
    );
  });

  it('shortens digests and keeps the reason at the end of a cause', () => {
    const digest = 'b1946ac92492d2347c6235b4d2611184'.repeat(2);
    const reason = 'unauthorized: authentication required';
    const message = `pulling 127.0.0.1:5503/acme/shop@sha256:${digest}: cannot pull the image: ${reason}`;
    for (const columns of [80, 120]) {
      const text = failureCard({ ...card, failures: [{ ...unhealthy, message }] }, page(columns));
      expect(text).toContain('shop@sha256:b1946ac92492…');
      expect(text.replace(/\s+/g, ' ')).toContain(reason);
    }
    const long = `${'and then '.repeat(90)}${reason}`;
    const also = { ...unhealthy, host: 'web-3', message: long };
    const crowded = failureCard({ ...card, failures: [also, { ...also, code: 'x' }] }, page(80));
    expect(crowded.match(/authentication required$/gm)).toHaveLength(2);
  });

  it('shows how long nothing answered, and what is still down', () => {
    const since = new Date(2026, 0, 1, 3, 12, 44).toISOString();
    const down = [
      { service: 'web', host: 'web-1', ms: 1_200 },
      { service: 'api', host: 'web-1', ms: 300 },
      { service: 'api', host: 'web-2', ms: 500 },
    ];
    expect(failureCard({ ...card, down: down.slice(0, 1) }, page(80))).toContain(
      '  down   web for 1.2s on web-1\n',
    );
    expect(failureCard({ ...card, down }, page(80))).toContain(
      '         api for up to 0.5s on 2 hosts (web-1, web-2)\n',
    );
    expect(
      failureCard({ ...card, down: [{ service: 'web', host: 'web-1', ms: 0, since }] }, page(80)),
    ).toContain('  down   web on web-1 since 03:12:44\n');
  });

  it('lists the steps that were not undone by host', () => {
    const missing = (host: string, step: string) => ({
      ...{ kind: 'unreachable' as const, code: 'lease.lost', host, evidence: [] },
      message: `not undone: ${step}`,
    });
    const left = [missing('web-3', 'create web-4'), missing('web-3', 'start web-4'), missing('web-1', 'x')];
    const text = failureCard({ ...card, result: 'incomplete', left }, page(80));
    expect(text).toContain('  undo   web-3: not undone: create web-4; start web-4\n');
    expect(text).toContain('         web-1: not undone: x\n');
  });

  it('has at most 15 lines and never cuts the command', () => {
    const next = `oneclick rollback web --to 3 --only ${Array.from({ length: 30 }, (_, n) => `web-${n}`).join(' ')}`;
    const crowded: Card = {
      ...card,
      failures: Array.from({ length: 9 }, (_, n) => ({
        ...unhealthy,
        host: `web-${n}`,
        message: `went wrong, ${'and wrong again, '.repeat(20)}`,
        evidence: Array.from({ length: 50 }, (_, line) => `log ${line}`),
      })),
      left: Array.from({ length: 9 }, (_, n) => ({ ...unhealthy, message: `web-4 is left ${n}` })),
      never: Array.from({ length: 9 }, (_, n) => ({ step: `step ${n}`, reason: 'it cannot' })),
      runs: Array.from({ length: 9 }, (_, n) => ({
        host: `web-${n}`,
        service: 'web',
        release: `${n}`,
        state: 'up',
      })),
      next,
    };
    for (const columns of [40, 80, 120]) {
      const lines = failureCard(crowded, page(columns)).trimEnd().split('\n');
      expect(lines.length).toBeLessThanOrEqual(15);
      expect(lines.at(-1)).toBe(`  next   ${next}`);
      expect(Math.max(...lines.slice(0, -1).map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  it('shows the first two and the last lines of the evidence', () => {
    const evidence = [
      'exited with code 137',
      'GET /up: 503',
      ...Array.from({ length: 30 }, (_, n) => `log ${n}`),
    ];
    const lines = failureCard({ ...card, failures: [{ ...unhealthy, evidence }] }, page(80)).split('\n');
    expect(lines.filter((line) => line.startsWith('  | '))).toEqual([
      '  | exited with code 137',
      '  | GET /up: 503',
      '  | … 24 more lines',
      ...[24, 25, 26, 27, 28, 29].map((n) => `  | log ${n}`),
    ]);
  });

  it('is short for an error outside a run', () => {
    const failure = {
      kind: 'usage',
      code: 'config.missing',
      message: 'oneclick.yml is missing',
      evidence: [],
    };
    expect(failureCard({ failures: [{ ...failure, kind: 'usage', hint: 'oneclick init' }] }, page(80))).toBe(
      ['✗ oneclick.yml is missing', '  next   oneclick init', ''].join('\n'),
    );
  });
});

describe('the last line of a run', () => {
  const summary = {
    recipe: 'deploy',
    environment: 'production',
    ms: 4_200,
    services: [{ service: 'web', release: 4, reference: 'api:v2', hosts: 3, gap: 400 }],
    down: [
      { service: 'web', host: 'web-1', ms: 400 },
      { service: 'web', host: 'web-2', ms: 300 },
    ],
  };

  it('shows the release, hosts, duration and downtime', () => {
    expect(summaryText(outcome(), summary, page(80))).toBe(
      '✓ production runs web release 4 (api:v2) on 3 hosts in 4.2s, down for up to 0.4s\n  per host\n',
    );
  });

  it('names the host of a single downtime, also of a change without releases and of an undo', () => {
    const down = [{ service: 'web', host: 'web-1', ms: 1_200 }];
    const text = (result: 'done' | 'reverted', services: typeof summary.services) =>
      summaryText(outcome({ result }), { ...summary, recipe: 'restart', services, down }, page(80));
    expect(text('done', summary.services)).toContain('in 4.2s, down for 1.2s on\n  web-1\n');
    expect(text('done', [])).toBe('✓ production: restart finished in 4.2s, web down for 1.2s on web-1\n');
    expect(text('reverted', [])).toBe(
      '✓ undone: restart on production in 4.2s, web down for 1.2s on web-1\n',
    );
  });

  it('shows that there was nothing to do', () => {
    expect(
      summaryText(outcome({ result: 'unchanged' }), { ...summary, services: [], down: [] }, page(80)),
    ).toBe('✓ production: deploy had nothing to do\n');
    const [web] = summary.services.map(({ gap: _, ...service }) => service);
    expect(
      summaryText(
        outcome({ result: 'unchanged' }),
        { ...summary, down: [], services: web ? [web] : [] },
        page(80),
      ),
    ).toBe('✓ production already runs web release 4 (api:v2) on 3 hosts\n');
  });

  it('warns about failures after the commit', () => {
    const late = { ...unhealthy, message: 'could not remove web-1' };
    expect(summaryText(outcome({ failures: [late] }), summary, page(80))).toBe(
      [
        '✓ production runs web release 4 (api:v2) on 3 hosts in 4.2s, down for up to 0.4s',
        '  per host',
        '! after the commit: web-2: could not remove web-1 (the next run retries it)',
        '',
      ].join('\n'),
    );
  });
});
