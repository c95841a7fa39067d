import type { Context } from '../../../../app/context.js';
import { fileText } from '../../../../report/text.js';
import { withOutput } from '../../../command-output.js';
import { shippedFile } from '../shipped-file.js';
import type { ConfigDocsFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: ConfigDocsFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const text = await shippedFile(context, 'reference.yml');
    reporter.result({ text }, (_, page) => fileText(text, page));
    return 0;
  });
}
