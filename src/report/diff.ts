import type { DiffDocument, DiffSide } from '../app/diff.js';
import type { KeyChange } from '../domain/difference.js';
import type { Page } from './style.js';
import { hanging } from './text.js';

/** Returns the differences, one block per service. */
export function diffText({ services }: DiffDocument, page: Page): string {
  return services.map((service) => block(service, page)).join('\n');
}

function block({ name, from, to, keys, commits }: DiffDocument['services'][number], page: Page): string {
  const { columns, style } = page;
  const head = hanging(`${name}: ${sideText(from)} -> ${sideText(to)}`, columns, '').map(style.strong);
  const parts = [
    ...(from.reference === to.reference ? [] : [['image', `${from.reference} -> ${to.reference}`] as const]),
    ...(from.image === to.image ? [] : [['digest', `${digest(from)} -> ${digest(to)}`] as const]),
    ...(from.commit === to.commit ? [] : [['commit', `${commitText(from)} -> ${commitText(to)}`] as const]),
    ...(commits ?? []).map((line) => ['', line] as const),
    ...keys.map((change) => ['config', changeText(change)] as const),
  ];
  const lines = parts.flatMap(([label, text]) => hanging(text, columns, `${label.padEnd(6)}  `));
  return [...head, ...(lines.length === 0 ? ['no differences'] : lines)].map((line) => `${line}\n`).join('');
}

const sideText = ({ release }: DiffSide) =>
  release === null ? 'current configuration' : `release ${release}`;

const digest = ({ image }: DiffSide) =>
  image === null ? 'resolved at deploy' : (image.split('@')[1]?.slice(0, 19) ?? image);

const commitText = ({ commit }: DiffSide) => commit?.slice(0, 7) ?? 'unknown';

function changeText({ key, from, to }: KeyChange): string {
  if (key.startsWith('secrets.')) {
    const change = from === undefined ? 'added' : to === undefined ? 'removed' : 'changed';
    return `secret ${key.slice('secrets.'.length)} ${change}`;
  }
  return `${key}: ${from ?? '(not set)'} -> ${to ?? '(not set)'}`;
}
