import { count } from '../domain/measure.js';
import type { Page } from './style.js';
import { table } from './table.js';
import { hanging } from './text.js';

/** A first `oneclick.yml`, and where it comes from: what `init --json` prints. */
export interface DraftDocument {
  readonly file: string;
  readonly written: boolean;
  readonly text: string;
  readonly project: string;
  readonly services: readonly string[];
  readonly environment: string;
  /** What was seen or guessed, and where. */
  readonly guesses: readonly {
    readonly key: string;
    readonly value: unknown;
    readonly why: string;
    readonly from: string | null;
  }[];
  /** What has no place in the file. */
  readonly left: readonly LeftPlace[];
  /** What a person has to fill in. */
  readonly open: readonly string[];
  /** What is wrong with the file for all that. */
  readonly problems: readonly string[];
}

interface LeftPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly message: string;
}

/** `compose.yml:12: services.web.links: services reach each other by name`. */
export const leftLine = ({ file, line, key, message }: LeftPlace) => `${file}:${line}: ${key}: ${message}`;

/** What was written, from where, what was left, and what to do next; ends with a newline. */
export function draftPage(document: DraftDocument, page: Page): string {
  const { file, services, problems, left } = document;
  const { style, columns } = page;
  const title = `${page.style.sign('good')} wrote ${file}: ${count(services.length, 'service')} (${services.join(', ')})`;
  const parts = [
    hanging(title, columns, '').map((line) => style.good(line)),
    [guessTable(document, page)],
    left.length === 0 ? [] : [style.caution('not carried over, or not as it was'), leftTable(document, page)],
    problems.length === 0
      ? []
      : [style.bad('to be mended'), ...problems.flatMap((text) => hanging(text, columns, '  '))],
    todo(document).flatMap(([what, text]) => hanging(text, columns, what.padEnd(9))),
  ];
  const shown = parts.filter((lines) => lines.length > 0);
  return `${shown.map((lines) => lines.join('\n').trimEnd()).join('\n\n')}\n`;
}

const short = (key: string) => key.replace(/^services\./, '');

function guessTable({ guesses }: DraftDocument, page: Page): string {
  return table(
    guesses,
    [
      { title: 'WHAT', value: ({ key }) => short(key), narrow: 'cut' },
      { title: 'VALUE', value: ({ value }) => valueText(value), narrow: 'cut' },
      { title: 'FROM', value: ({ from }) => from ?? '-', narrow: 'cut' },
      { title: 'WHY', value: ({ why }) => why, narrow: 'wrap' },
    ],
    page,
  );
}

function leftTable({ left }: DraftDocument, page: Page): string {
  return table(
    left,
    [
      { title: 'WHERE', value: ({ file, line }) => `${file}:${line}`, narrow: 'cut' },
      { title: 'WHAT', value: ({ key }) => short(key), narrow: 'wrap' },
      { title: 'WHY, AND WHAT TO DO', value: ({ message }) => message, narrow: 'wrap' },
    ],
    page,
  );
}

function todo({ open, file, environment, guesses }: DraftDocument): readonly (readonly [string, string])[] {
  const named = open.map((what) => (what === 'hosts' ? `the hosts of ${environment}` : `the ${what}`));
  const secrets = new Set(
    guesses.filter(({ key }) => key.endsWith('.secrets')).map(({ value }) => String(value)),
  );
  const builds = guesses.some(({ value }) => typeof value === 'object' && value !== null && 'build' in value);
  return [
    ...(named.length === 0 ? [] : [['fill in', `${named.join(' and ')}, in ${file}`] as const]),
    ...(secrets.size === 0
      ? []
      : [
          [
            'secrets',
            `write ${[...secrets].join(', ')} into .env.${environment}, or into the environment`,
          ] as const,
        ]),
    ['next', `oneclick config check, then ${builds ? 'oneclick deploy --build' : 'oneclick plan'}`],
  ];
}

/** A value in a cell; of a service, what it runs. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  if (!('build' in value)) return 'image' in value ? String(value.image) : '';
  const { build } = value;
  return `built from ${typeof build === 'object' && build !== null && 'context' in build ? build.context : build}`;
}
