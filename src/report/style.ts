/** The meaning of the sign before a line. The last five are for plans. */
export type Sign = 'good' | 'bad' | 'caution' | 'hint' | '+' | '~' | '=' | '?' | '!';

const signs: Readonly<Record<Sign, string>> = {
  ...{ good: '✓', bad: '✗', caution: '!', hint: '→' },
  ...{ '+': '+', '~': '~', '=': '=', '?': '?', '!': '!' },
};
const words: Readonly<Record<Sign, string>> = {
  ...{ good: 'ok:', bad: 'failed:', caution: 'warning:', hint: 'hint:' },
  ...{ '+': 'change:', '~': 'change:', '=': 'unchanged:', '?': 'undecided:', '!': 'problem:' },
};

/** Styles parts of a line. Without color, every method except {@link sign} returns its text unchanged. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  caution(text: string): string;
  /** Returns a sign for the start of a line, or a word for screen readers. */
  sign(of: Sign): string;
  /** Paints the text in one of six colors, to set sources apart. */
  tint(text: string, number: number): string;
}

const same = (text: string) => text;
const sign = (of: Sign) => signs[of];

/** Style without color. */
export const plainStyle: Style = {
  strong: same,
  faint: same,
  good: same,
  bad: same,
  caution: same,
  tint: same,
  sign,
};

/** Style for screen readers: words instead of signs, no color. */
export const wordStyle: Style = { ...plainStyle, sign: (of) => words[of] };

/** Returns the style for a sink. Loads chalk only if `color` is set. */
export async function loadStyle(color: boolean): Promise<Style> {
  if (!color) return plainStyle;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return {
    strong: (text) => chalk.bold(text),
    faint: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    caution: (text) => chalk.yellow(text),
    sign,
    tint: (text, number) => {
      const tints = [chalk.cyan, chalk.magenta, chalk.blue, chalk.green, chalk.yellow, chalk.red];
      return (tints[number % tints.length] ?? chalk.cyan)(text);
    },
  };
}

/** The target of a layout. `columns` is infinite if nothing needs to be cut, as in a pipe. */
export interface Page {
  readonly columns: number;
  readonly style: Style;
}
