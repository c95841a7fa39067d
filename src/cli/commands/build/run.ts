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

/** Builds on this machine without connecting to hosts. */
export function run(context: Context, names: readonly string[], flags: BuildFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const services = builtServices(session.environment.services, names);
    const tag = await buildTag(session, flags);
    const request = { services, tag, settings: flags, push: flags.push, skip: false };
    const images = await buildImages(session, programOutput(out, flags, context), request);
    out.reporter.result({ environment: session.environment.name, tag: tag.tag, images }, (document, page) => {
      const next = flags.push ? `next  oneclick deploy --tag ${document.tag}\n` : '';
      return page.style.good(document.images.map((image) => imageLine(image, page)).join('')) + next;
    });
    return 0;
  });
}

/** Returns the named services, or all with `build:`. Throws a usage Failure if one has no `build:`, or none has. */
export function builtServices(all: readonly Service[], names: readonly string[]): readonly Service[] {
  const chosen = selectServices(all, { services: names, only: [], images: [] });
  const built = chosen.filter(({ image }) => image.kind === 'build');
  const other = chosen.find(({ image }) => image.kind !== 'build');
  if (built.length === 0 || (names.length > 0 && other !== undefined)) {
    const message =
      names.length === 0 || other === undefined
        ? 'no service is built from source'
        : `${other.name} uses an image and is not built`;
    throw new Failure('usage', 'build.none', message, { hint: 'add build: . to the service' });
  }
  return built;
}

function imageLine({ services, reference, pushed }: Built, { style }: Page): string {
  return `${style.sign('good')} ${services.join(', ')}: ${reference} ${pushed ? 'built and pushed' : 'built'}\n`;
}
