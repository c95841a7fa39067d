/** What the sign in front of a line means. The last five are of a plan. */
export type Sign = 'good' | 'bad' | 'caution' | 'remedy' | '+' | '~' | '=' | '?' | '!';

const signs: Readonly<Record<Sign, string>> = {
  ...{ good: '✓', bad: '✗', caution: '!', remedy: '→' },
  ...{ '+': '+', '~': '~', '=': '=', '?': '?', '!': '!' },
};
const words: Readonly<Record<Sign, string>> = {
  ...{ good: 'ok:', bad: 'failed:', caution: 'warning:', remedy: 'hint:' },
  ...{ '+': 'change:', '~': 'change:', '=': 'unchanged:', '?': 'open:', '!': 'problem:' },
};

/** How parts of a line are marked. Without colour every function gives back what it was given. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  caution(text: string): string;
  /** What a line begins with, by what it means: a sign, or words for whoever listens. */
  sign(of: Sign): string;
  /** One of six colours, so that what belongs together is seen at a glance. */
  tint(text: string, number: number): string;
}

const same = (text: string) => text;
const sign = (of: Sign) => signs[of];

/** Style without colour. */
export const plainStyle: Style = {
  strong: same,
  faint: same,
  good: same,
  bad: same,
  caution: same,
  tint: same,
  sign,
};

/** Style for whoever has the lines read out: words instead of signs, and no colour. */
export const wordStyle: Style = { ...plainStyle, sign: (of) => words[of] };

/** The style of a sink: chalk is loaded only where there is colour, and never asked to guess. */
export async function loadStyle(colour: boolean): Promise<Style> {
  if (!colour) return plainStyle;
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

/** What text is laid out for: `columns` is infinite where nothing needs to be cut, as in a pipe. */
export interface Page {
  readonly columns: number;
  readonly style: Style;
}
