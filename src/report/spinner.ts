/** The line of a spinner: the sign of this moment, then the text. */
export type Spin = (text: string) => string;

/**
 * ora's spinner line. Only the line: ora would draw it by its own timers, clear by the width at which it drew, and
 * put its hooks into the process; where it stands among other lines, and when it is drawn, is the canvas's matter.
 */
export async function loadSpinner(): Promise<Spin> {
  const { default: ora } = await import('ora');
  const spinner = ora({ color: false, discardStdin: false, hideCursor: false });
  return (text) => {
    spinner.text = text;
    return spinner.frame();
  };
}
