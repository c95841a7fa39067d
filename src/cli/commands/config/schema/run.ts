import type { Context } from '../../../../app/context.js';
import { fileText } from '../../../../report/text.js';
import { withOutput } from '../../../command-output.js';
import { shippedFile } from '../shipped-file.js';
import type { ConfigSchemaFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: ConfigSchemaFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const text = await shippedFile(context, 'oneclick.schema.json');
    reporter.result({ jsonSchema: JSON.parse(text) as unknown }, (_, page) => fileText(text, page));
    return 0;
  });
}
