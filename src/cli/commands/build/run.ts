import { type Built, buildImages, buildTag } from '../../../app/build/build-images.js';
import { selectServices } from '../../../app/choose-services.js';
import type { Context } from '../../../app/context.js';
import { openSession } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import type { Service } from '../../../domain/service.js';
import type { Page } from '../../../report/style.js';
import { withOutput } from '../../command-output.js';
import { programOutput } from '../../program-output.js';
import type { BuildFlags } from './command.js';

/** `oneclick build`: builds what has `build:` with the caller's docker; connects to no server. */
export function run(context: Context, names: readonly string[], flags: BuildFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = builtServices(session.environment.services, names);
    const tag = await buildTag(session, flags);
    const options = { push: flags.push, skip: false };
    const images = await buildImages(
      session,
      programOutput(out, flags, context),
      services,
      tag,
      flags,
      options,
    );
    out.reporter.result({ environment: session.environment.name, tag: tag.tag, images }, (document, page) => {
      const next = flags.push ? `next  oneclick deploy --tag ${document.tag}\n` : '';
      return page.style.good(document.images.map((image) => line(image, page)).join('')) + next;
    });
    return 0;
  });
}

/** Those that were named, or all that are built. Throws usage failures for a named one that is not, and where none is. */
export function builtServices(all: readonly Service[], names: readonly string[]): readonly Service[] {
  const chosen = selectServices(all, { services: names, only: [], images: [] });
  const built = chosen.filter(({ image }) => image.kind === 'build');
  const other = chosen.find(({ image }) => image.kind !== 'build');
  if (built.length === 0 || (names.length > 0 && other !== undefined)) {
    const message =
      names.length === 0 || other === undefined
        ? 'no service is built here'
        : `${other.name} is not built: it has an image`;
    throw new Failure('usage', 'build.none', message, { hint: 'write build: . under the service' });
  }
  return built;
}

function line({ services, reference, pushed }: Built, { style }: Page): string {
  return `${style.sign('good')} ${services.join(', ')}: ${reference} ${pushed ? 'built and pushed' : 'built'}\n`;
}
