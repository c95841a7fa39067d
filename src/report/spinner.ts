/** Returns the text with the current spinner frame before it. */
export type Spin = (text: string) => string;

/** Loads ora's spinner, only for its frames: its drawing has its own timers and would fight the canvas. */
export async function loadSpinner(): Promise<Spin> {
  const { default: ora } = await import('ora');
  const spinner = ora({ color: false, discardStdin: false, hideCursor: false });
  return (text) => {
    spinner.text = text;
    return spinner.frame();
  };
}
