import { describe, expect, it } from '@jest/globals';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { inferredValues, stripAnnotations } from '../../../src/init/draft.js';
import { draftOf } from '../../../src/init/repository.js';
import { type Answers, draftText } from '../../../src/init/text.js';
import { configContext, memoryFiles } from '../config/context.js';

const git = (url: string) => `[core]\n\tbare = false\n[remote "origin"]\n\turl = ${url}\n`;

/** Drafts a repository with these files. */
async function draftFrom(files: Readonly<Record<string, string>>) {
  const folders = new Map(Object.entries(files).map(([path, text]) => [`/home/me/shop/${path}`, text]));
  const draft = await draftOf(nested(Object.fromEntries(folders)), '/home/me/shop');
  const services = Object.fromEntries(
    [...draft.services].map(([name, service]) => [name, stripAnnotations(service)]),
  );
  return { draft, services, project: draft.project.value, registry: draft.registry?.value };
}

/** In-memory files with their folders. */
function nested(texts: Readonly<Record<string, string>>) {
  const { read } = memoryFiles(texts);
  const list = async (folder: string) => {
    const below = Object.keys(texts).filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))];
  };
  return { read, list };
}

async function loaded(draft: Parameters<typeof draftText>[0], answers: Answers = {}) {
  const text = draftText(draft, { hosts: ['10.0.0.5'], ...answers });
  const setting = configContext({ '/project/oneclick.yml': text });
  const { environment, warnings } = await resolveEnvironment(await loadProject(setting), undefined, setting);
  expect(warnings).toEqual([]);
  return environment;
}

const dockerfile = `FROM node:22 AS base
ENV PORT=3000
FROM base
COPY . .
EXPOSE $PORT
HEALTHCHECK CMD curl -f http://localhost:3000/up
`;

describe('the draft of a repository', () => {
  it('of one application has its port, health check and an image from the git remote', async () => {
    const { draft, services, project } = await draftFrom({
      Dockerfile: dockerfile,
      'package.json': '{\n  "name": "@acme/Shop"\n}',
      '.git/config': git('https://token@github.com/Acme/Shop-Front.git'),
    });
    expect(project).toBe('shop');
    expect(services).toEqual({
      web: { image: 'ghcr.io/acme/shop-front', build: '.', port: '80:3000', health: '/up' },
    });
    expect(draftText(draft)).not.toContain('token');
    expect((await loaded(draft)).services[0]?.image).toMatchObject({ repository: 'ghcr.io/acme/shop-front' });
  });

  it('names the source of each guess in the file and in the list', async () => {
    const { draft } = await draftFrom({
      Dockerfile: dockerfile,
      'package.json': '{\n  "name": "@acme/Shop"\n}',
      '.git/config': git('git@gitlab.com:acme/shop.git'),
    });
    expect(
      inferredValues(draft).map(({ key, value, from }) => [key, String(Object(value).build ?? value), from]),
    ).toEqual([
      ['project', 'shop', 'package.json:2'],
      ['services.web', '.', 'Dockerfile'],
      ['services.web.image', 'registry.gitlab.com/acme/shop', '.git/config:4'],
      ['services.web.port', '80:3000', 'Dockerfile:5'],
      ['services.web.health', '/up', 'Dockerfile:6'],
    ]);
    expect(draftText(draft)).toContain('health: /up # HEALTHCHECK, Dockerfile:6\n');
  });

  it('lists probable secrets without their values', async () => {
    const { draft, services } = await draftFrom({
      Dockerfile: 'FROM python\nCMD ["gunicorn", "-b", "0.0.0.0:8000", "app:app"]\n',
      '.env.example':
        'LOG_LEVEL=info\nDATABASE_URL=postgres://me:hidden@localhost/shop\nPRICE="5${x}"\nAPI_KEY=\n',
    });
    expect(services.web).toEqual({
      build: '.',
      port: '80:8000',
      env: { LOG_LEVEL: 'info', PRICE: '5$${x}' },
      secrets: ['DATABASE_URL', 'API_KEY'],
    });
    expect(draftText(draft)).not.toContain('hidden');
    expect((await loaded(draft, { registry: 'ghcr.io/acme' })).services[0]?.env).toEqual({
      LOG_LEVEL: 'info',
      PRICE: '5${x}',
    });
  });

  it('of several applications has a service with its own port for each, in one registry', async () => {
    const { draft, services, registry } = await draftFrom({
      'apps/api/Dockerfile': 'FROM golang\nCOPY go.mod .\nEXPOSE 8080\n',
      'apps/api/go.mod': '',
      'apps/web/Dockerfile': 'FROM node\nCOPY package.json .\nCOPY apps/web apps/web\nEXPOSE 3000\n',
      'apps/web/node_modules/x/Dockerfile': 'FROM scratch\n',
      'docker/worker.Dockerfile': 'FROM node\nCOPY . .\n',
      'docker/dev.Dockerfile': 'FROM node\n',
      'package.json': '{}',
      '.git/config': git('ssh://git@github.com:22/acme/mono'),
    });
    expect(registry).toBe('ghcr.io/acme/mono');
    expect(services).toEqual({
      web: { build: { context: '.', dockerfile: 'apps/web/Dockerfile' }, port: '80:3000' },
      worker: { build: { context: '.', dockerfile: 'docker/worker.Dockerfile' } },
      api: { build: 'apps/api', port: 8080 },
    });
    await loaded(draft);
  });

  it('adds the application to the services of its compose file', async () => {
    const { services } = await draftFrom({
      Dockerfile: dockerfile,
      'compose.yaml': 'services:\n  db: {image: "postgres:16", ports: ["5432:5432"]}\n',
    });
    expect(services).toEqual({
      db: { image: 'postgres:16', port: 5432 },
      web: { build: '.', port: '80:3000', health: '/up', needs: ['db'] },
    });
  });

  it('without a Dockerfile has a placeholder for the image', async () => {
    const { draft, project } = await draftFrom({ 'README.md': '' });
    expect(project).toBe('shop');
    expect(draft.questions).toEqual(['hosts', 'image']);
    expect(draftText(draft)).toContain('# fill in: no Dockerfile found');
    const { services } = await loaded(draft, { image: 'ghcr.io/acme/shop:v1' });
    expect(services[0]?.image).toEqual({ kind: 'fixed', reference: 'ghcr.io/acme/shop:v1' });
  });

  it('without hosts loads and has a placeholder for them', async () => {
    const { draft } = await draftFrom({ Dockerfile: dockerfile });
    const text = draftText(draft);
    expect(text).toMatch(/^ {4}hosts: # fill in: server addresses/m);
    expect(text).toMatch(/^# registry: ghcr\.io\/acme {3}# fill in/m);
    const project = await loadProject(configContext({ '/project/oneclick.yml': text }));
    expect(project.defaultEnvironment).toBe('production');
  });
});
