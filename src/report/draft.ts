import { count } from '../domain/measure.js';
import type { Page } from './style.js';
import { table } from './table.js';
import { hanging } from './text.js';

/** The output of `init --json`: a first `oneclick.yml` and its sources. */
export interface DraftDocument {
  readonly file: string;
  readonly written: boolean;
  readonly text: string;
  readonly project: string;
  readonly services: readonly string[];
  readonly environment: string;
  /** Detected or guessed values, and their sources. */
  readonly guesses: readonly {
    readonly key: string;
    readonly value: unknown;
    readonly why: string;
    readonly from: string | null;
  }[];
  /** Settings that were not converted. */
  readonly left: readonly SkippedSetting[];
  /** Values that the user must fill in. */
  readonly open: readonly string[];
  /** Problems in the generated file. */
  readonly problems: readonly string[];
}

interface SkippedSetting {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly message: string;
}

/** Returns `compose.yml:12: services.web.links: services reach each other by name`. */
export const skippedLine = ({ file, line, key, message }: SkippedSetting) =>
  `${file}:${line}: ${key}: ${message}`;

/** Returns the result of `init`: values and sources, skipped settings, problems, next steps. Ends with a newline. */
export function draftPage(document: DraftDocument, page: Page): string {
  const { file, services, problems, left } = document;
  const { style, columns } = page;
  const title = `${page.style.sign('good')} wrote ${file}: ${count(services.length, 'service')} (${services.join(', ')})`;
  const parts = [
    hanging(title, columns, '').map((line) => style.good(line)),
    [guessTable(document, page)],
    left.length === 0
      ? []
      : [style.caution('not converted, or converted with changes'), skippedTable(document, page)],
    problems.length === 0
      ? []
      : [style.bad('problems to fix'), ...problems.flatMap((text) => hanging(text, columns, '  '))],
    nextSteps(document).flatMap(([label, text]) => hanging(text, columns, label.padEnd(9))),
  ];
  const shown = parts.filter((lines) => lines.length > 0);
  return `${shown.map((lines) => lines.join('\n').trimEnd()).join('\n\n')}\n`;
}

const short = (key: string) => key.replace(/^services\./, '');

function guessTable({ guesses }: DraftDocument, page: Page): string {
  return table(
    guesses,
    [
      { title: 'KEY', value: ({ key }) => short(key), narrow: 'cut' },
      { title: 'VALUE', value: ({ value }) => valueText(value), narrow: 'cut' },
      { title: 'SOURCE', value: ({ from }) => from ?? '-', narrow: 'cut' },
      { title: 'REASON', value: ({ why }) => why, narrow: 'wrap' },
    ],
    page,
  );
}

function skippedTable({ left }: DraftDocument, page: Page): string {
  return table(
    left,
    [
      { title: 'LOCATION', value: ({ file, line }) => `${file}:${line}`, narrow: 'cut' },
      { title: 'KEY', value: ({ key }) => short(key), narrow: 'wrap' },
      { title: 'REASON AND FIX', value: ({ message }) => message, narrow: 'wrap' },
    ],
    page,
  );
}

function nextSteps({
  open,
  file,
  environment,
  guesses,
}: DraftDocument): readonly (readonly [string, string])[] {
  const named = open.map((value) => (value === 'hosts' ? `the hosts of ${environment}` : `the ${value}`));
  const secrets = new Set(
    guesses.filter(({ key }) => key.endsWith('.secrets')).map(({ value }) => String(value)),
  );
  const builds = guesses.some(({ value }) => typeof value === 'object' && value !== null && 'build' in value);
  return [
    ...(named.length === 0 ? [] : [['fill in', `${named.join(' and ')} in ${file}`] as const]),
    ...(secrets.size === 0
      ? []
      : [
          ['secrets', `set ${[...secrets].join(', ')} in .env.${environment} or in the environment`] as const,
        ]),
    ['next', `oneclick config check, then ${builds ? 'oneclick deploy --build' : 'oneclick plan'}`],
  ];
}

/** Returns a value as cell text; of a service, its image or build. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  if (!('build' in value)) return 'image' in value ? String(value.image) : '';
  const { build } = value;
  return `built from ${typeof build === 'object' && build !== null && 'context' in build ? build.context : build}`;
}
