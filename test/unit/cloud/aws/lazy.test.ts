import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

const folder = new URL('../../../../src/cloud/', import.meta.url);
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
/** The files in which a line matches. */
const having = (pattern: RegExp) =>
  sources.filter((path) => pattern.test(readFileSync(new URL(path, folder), 'utf8'))).sort();

it('each SDK is named for its values in one module', () => {
  expect(having(/^(import(?! type)|export)\b[^;]*from '@aws-sdk\/client-/m)).toEqual([
    'aws/ec2-sdk.ts',
    'aws/elb-sdk.ts',
  ]);
});

it('that module is loaded when its service is called first, and not before', () => {
  expect(having(/from '\.\/(ec2|elb)-sdk\.js'/)).toEqual([]);
  expect(having(/await import\('\.\/(ec2|elb)-sdk\.js'\)/)).toEqual(['aws/groups.ts', 'aws/instances.ts']);
});
