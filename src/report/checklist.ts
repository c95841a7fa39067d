import type { Finding } from '../app/doctor/finding.js';
import type { Page } from './style.js';
import { hanging, oneLine, pad, width } from './text.js';

/** Returns findings by group, each with its fix below, uncut so that it can be copied. Ends with a newline. */
export function checklist(findings: readonly Finding[], { columns, style }: Page): string {
  const signWidth = Math.max(
    ...(['good', 'caution', 'bad'] as const).map((state) => style.sign(state).length),
  );
  const aboutWidth = Math.max(0, ...findings.map(({ about }) => width(about)));
  const groups = [...new Set(findings.map(({ group }) => group))];
  const blocks = groups.map((group) => {
    const lines = findings
      .filter((finding) => finding.group === group)
      .flatMap(({ state, about, text, remedy }) => {
        const indent = `  ${pad(style.sign(state), signWidth)} ${pad(about, aboutWidth)}  `;
        const paint = { good: (line: string) => line, caution: style.caution, bad: style.bad }[state];
        const below =
          remedy === undefined
            ? []
            : [`${' '.repeat(width(indent))}${style.sign('hint')} ${style.strong(oneLine(remedy))}`];
        return [...hanging(text, columns, indent).map(paint), ...below];
      });
    return [style.strong(group), ...lines].map((line) => `${line}\n`).join('');
  });
  return blocks.join('\n');
}
