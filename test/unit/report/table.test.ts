import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { problemTable } from '../../../src/report/problems.js';
import { plainStyle } from '../../../src/report/style.js';
import { type Column, table } from '../../../src/report/table.js';

const page = (columns: number) => ({ columns, style: plainStyle });

interface Row {
  readonly host: string;
  readonly image: string;
  readonly release: number;
}
const columns: readonly Column<Row>[] = [
  { title: 'HOST', value: ({ host }) => host },
  { title: 'IMAGE', value: ({ image }) => image, narrow: 'cut' },
  { title: 'RELEASE', value: ({ release }) => `${release}`, align: 'right' },
];
const rows = [
  { host: 'web-1', image: 'registry.example.com:5000/shop/api:v2', release: 4 },
  { host: 'web-12', image: 'api:v1', release: 10 },
];

describe('a table', () => {
  it('is aligned, and as wide as its content without a limit', () => {
    expect(table(rows, columns, page(Number.POSITIVE_INFINITY))).toBe(
      [
        'HOST    IMAGE                                  RELEASE',
        'web-1   registry.example.com:5000/shop/api:v2        4',
        'web-12  api:v1                                      10',
        '',
      ].join('\n'),
    );
  });

  it('cuts shrinkable columns on a narrow page', () => {
    expect(table(rows, columns, page(40))).toBe(
      [
        'HOST    IMAGE                    RELEASE',
        'web-1   registry.example.com:5…        4',
        'web-12  api:v1                        10',
        '',
      ].join('\n'),
    );
  });

  it('has only titles without rows', () => {
    expect(table([], columns, page(80))).toBe('HOST  IMAGE  RELEASE\n');
  });
});

describe('the problems of all hosts', () => {
  const docker = (host: string) =>
    new Failure(
      'access',
      'docker.denied',
      'Docker refuses this user: permission denied on /var/run/docker.sock',
      {
        host,
        hint: 'add deploy to the group docker: sudo usermod -aG docker deploy',
      },
    );
  const problems = [
    new Failure('failed', 'disk.space', 'the image needs 412.0 MB, and 80.1 MB are free on /var/lib/docker', {
      host: 'web-10',
      hint: 'docker system prune',
    }),
    docker('web-3'),
    docker('web-2'),
    docker('web-3'),
    new Failure('unreachable', 'host.unreachable', 'no answer on port 22 in 10s', { host: 'db-1' }),
    new Failure('usage', 'image.unknown', 'api:v9 does not exist', { hint: 'oneclick deploy --tag TAG' }),
  ];

  it('are one table of 80 columns, folded and sorted by host', () => {
    const text = problemTable(problems, page(80));
    expect(text).toBe(
      [
        'HOST          PROBLEM                           HINT',
        'all           api:v9 does not exist             oneclick deploy --tag TAG',
        'db-1          no answer on port 22 in 10s',
        'web-2, web-3  Docker refuses this user:         add deploy to the group docker:',
        '              permission denied on              sudo usermod -aG docker deploy',
        '              /var/run/docker.sock',
        'web-10        the image needs 412.0 MB, and     docker system prune',
        '              80.1 MB are free on',
        '              /var/lib/docker',
        '',
      ].join('\n'),
    );
  });

  it('are sorted the same whatever their order', () => {
    expect(problemTable([...problems].reverse(), page(80))).toBe(problemTable(problems, page(80)));
  });
});
