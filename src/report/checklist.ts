import type { FailureRecord } from '../domain/failure.js';
import type { Page } from './style.js';
import { hanging, oneLine, pad, width } from './text.js';

/** What was found where something was looked at. */
export interface Finding {
  readonly group: string;
  /** What was looked at, in a word or two. */
  readonly about: string;
  readonly state: 'good' | 'caution' | 'bad';
  readonly text: string;
  /** The command, or the change, that mends it. */
  readonly remedy?: string;
  /** Of what is bad: how a run would fail of it. */
  readonly kind?: FailureRecord['kind'];
}

/** A group after the other, a line for each finding, and below it what mends it, uncut so that it can be copied; ends with a newline. */
export function checklist(findings: readonly Finding[], { columns, style }: Page): string {
  const signs = Math.max(...(['good', 'caution', 'bad'] as const).map((state) => style.sign(state).length));
  const broadest = Math.max(0, ...findings.map(({ about }) => width(about)));
  const groups = [...new Set(findings.map(({ group }) => group))];
  const blocks = groups.map((group) => {
    const lines = findings
      .filter((finding) => finding.group === group)
      .flatMap(({ state, about, text, remedy }) => {
        const indent = `  ${pad(style.sign(state), signs)} ${pad(about, broadest)}  `;
        const marked = { good: (line: string) => line, caution: style.caution, bad: style.bad }[state];
        const below =
          remedy === undefined
            ? []
            : [`${' '.repeat(width(indent))}${style.sign('remedy')} ${style.strong(oneLine(remedy))}`];
        return [...hanging(text, columns, indent).map(marked), ...below];
      });
    return [style.strong(group), ...lines].map((line) => `${line}\n`).join('');
  });
  return blocks.join('\n');
}
