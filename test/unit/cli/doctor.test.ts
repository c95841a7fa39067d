import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failed } from '../../../src/app/doctor/finding.js';
import { containerFindings, machineFindings } from '../../../src/app/doctor/hosts.js';
import { checkNode } from '../../../src/app/doctor/local-machine.js';
import { worst } from '../../../src/cli/commands/doctor/run.js';
import type { ContainerFacts } from '../../../src/domain/facts.js';
import { Failure } from '../../../src/domain/failure.js';
import { label } from '../../../src/domain/labels.js';
import { checklist } from '../../../src/report/checklist.js';
import { plainStyle } from '../../../src/report/style.js';
import { serviceOn } from '../tasks/fleet.js';
import { TestProject } from './test-project.js';

const config = `project: shop
registry: ghcr.io/acme
services:
  web: { build: ., secrets: [TOKEN] }
  worker: { image: "nginx:1" }
environments:
  production: { hosts: { web-1: { address: 127.0.0.1, port: 1 }, web-2: { address: 127.0.0.1, port: 2 } } }
`;

interface Report {
  readonly findings: readonly { readonly group: string; readonly about: string; readonly state: string }[];
}

let project: TestProject;
const document = (): Report => JSON.parse(project.screen.out) as Report;
const states = () => document().findings.map(({ group, about, state }) => `${group} ${about} ${state}`);

beforeEach(async () => {
  project = await TestProject.open(config);
});
afterEach(() => project.close());

describe('oneclick doctor', () => {
  it('suggests commands for the file of --file, which the command line accepts before the command', async () => {
    await project.write('other.yml', config);
    await project.write('.env.production', 'OTHER=1\n');
    await project.run('--file', 'other.yml', 'doctor', '--json');
    expect(document().findings).toContainEqual(
      expect.objectContaining({ remedy: 'oneclick --file other.yml doctor --fix' }),
    );
    project.screen.out = '';
    await project.write('other.yml', 'services: 1\n');
    await project.run('doctor', '--file', 'other.yml', '--json');
    expect(document().findings).toContainEqual(expect.objectContaining({ about: 'other.yml', state: 'bad' }));
  });

  it('runs all checks even when some fail', async () => {
    await project.docker('dead');
    await project.write('.env.production', 'OTHER=1\n');
    expect(await project.run('doctor', '--json')).toBe(5);
    expect(states()).toEqual(
      expect.arrayContaining([
        'this machine node good',
        'this machine ssh good',
        'this machine docker bad',
        'configuration oneclick.yml good',
        'configuration .env.production caution',
        'secrets values bad',
        'web-1 ssh bad',
        'web-2 ssh bad',
      ]),
    );
  });

  it('reports an invalid configuration and skips the hosts', async () => {
    await project.write('oneclick.yml', `${config}bogus: 1\n`);
    expect(await project.run('doctor', '--json')).toBe(2);
    expect(states()).toEqual(expect.arrayContaining(['configuration oneclick.yml bad', 'hosts all caution']));
  });

  it('finds ejected recipes whose shipped version has changed', async () => {
    await mkdir(join(project.folder, '.oneclick/recipes'), { recursive: true });
    const shipped = await readFile(new URL('../../../recipes/deploy.yml', import.meta.url), 'utf8');
    const head = '# ejected from the shipped recipe deploy, 0123456789abcdef\n';
    await project.write('.oneclick/recipes/deploy.yml', head + shipped);
    await project.run('doctor', '--json');
    expect(states()).toContain('recipes deploy caution');
  });

  it('finds journals that git tracks, and secrets in build contexts', async () => {
    await mkdir(join(project.folder, '.oneclick/runs'), { recursive: true });
    await project.write('.oneclick/runs/3f2a9c.jsonl', '');
    await project.run('doctor', '--json');
    expect(states()).toContain('configuration web caution');
    expect(states()).not.toContain('configuration .oneclick/runs caution');
    await project.commit();
    await project.write('.dockerignore', '.oneclick/runs\n');
    project.screen.out = '';
    await project.run('doctor', '--json');
    expect(states()).toContain('configuration .oneclick/runs caution');
    expect(states()).not.toContain('configuration web caution');
    expect(project.screen.out).toContain('git rm -r --cached .oneclick/runs');
  });

  it('changes .gitignore only with --fix, and keeps samples in git', async () => {
    await project.write('.env.production', 'TOKEN=1\n');
    await project.write('.env.example', 'TOKEN=\n');
    await project.write('.gitignore', 'dist');
    expect(await project.failure('doctor', '--fix')).toMatchObject({ kind: 'usage', hint: 'add --yes' });
    expect(await readFile(join(project.folder, '.gitignore'), 'utf8')).toBe('dist');
    await project.run('doctor', '--fix', '--yes', '--plain');
    expect(await readFile(join(project.folder, '.gitignore'), 'utf8')).toBe('dist\n.env.*\n!.env.example\n');
    expect(project.screen.out).not.toContain('contains secrets, but git');
  });
});

describe('findings', () => {
  const run = {
    id: 'r',
    recipe: 'doctor',
    project: 'shop',
    environment: 'production',
    who: 'me',
    started: '',
  };
  const container: ContainerFacts = {
    ...{ id: '1', name: 'stranger', labels: {}, image: 'x', state: 'running' as const, restart: 'no' },
    ...{ ports: [80], networks: [] },
  };

  it('include foreign containers on our ports, and our kept containers', () => {
    const web = serviceOn('web', 80, { count: 1 });
    const host = web.instances[0]?.host ?? '';
    expect(containerFindings(host, [container], [web], run)).toMatchObject([
      { state: 'bad', about: 'ports' },
    ]);
    expect(containerFindings(host, [{ ...container, state: 'exited' }], [web], run)).toEqual([]);
    const labels = { [label.project]: 'shop', [label.environment]: 'production', [label.service]: 'web' };
    const kept = { ...container, labels, state: 'exited' as const };
    expect(containerFindings(host, [kept], [web], run)).toMatchObject([
      { state: 'good', text: '1 container for rollbacks' },
    ]);
  });

  it('include a wrong clock, a full disk, few sessions and large logs', () => {
    const at = { before: 1_000_000, after: 1_002_000 };
    const found = (stdout: string) =>
      machineFindings('web-1', stdout, at).map(({ about, state, text }) => `${about} ${state} ${text}`);
    expect(found('time 1001\nfree 90000000\nsessions \nlogs 0\n')).toEqual([
      'disk good 92.2 GB free for images',
      'clock good same as this machine',
    ]);
    expect(found('time 900\nfree 1000\nsessions 1\nlogs 2\n')).toEqual([
      'disk caution 1.0 MB free for images',
      'clock caution 100 s behind this machine',
      'sshd caution MaxSessions 1 slows down deploys',
      'logs caution 2 container logs larger than 1 GB',
    ]);
    expect(found('')).toEqual([]);
  });

  it('include an outdated Node.js', () => {
    expect(checkNode('20.19.0')).toMatchObject([{ state: 'good' }]);
    expect(checkNode('18.1.0')).toMatchObject([{ state: 'bad' }]);
  });

  it('exit with the code of the worst', () => {
    const of = (kind: Failure['kind']) => failed('g', 'a', new Failure(kind, 'c', 'm'));
    expect(worst([])).toBe(0);
    expect(worst([of('failed')])).toBe(1);
    expect(worst([of('failed'), of('usage')])).toBe(2);
    expect(worst([of('usage'), of('access')])).toBe(4);
    expect(worst([of('access'), of('unreachable'), of('failed')])).toBe(5);
  });

  it('are printed in groups, each with its fix', () => {
    const failure = new Failure('access', 'c', 'may not use docker', { hint: 'usermod' });
    const findings = [
      { group: 'this machine', about: 'node', state: 'good' as const, text: '22' },
      failed('web-1', 'docker', failure),
    ];
    expect(checklist(findings, { columns: 80, style: plainStyle })).toBe(
      'this machine\n  ✓ node    22\n\nweb-1\n  ✗ docker  may not use docker\n            → usermod\n',
    );
  });
});
