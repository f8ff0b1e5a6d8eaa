// @module-tag long
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderDocs } from '../../scripts/render-docs.ts';
import { makeWorld, routesOf } from './http-world.ts';

interface OpenApi {
  readonly paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
}

describe('the documents that are made from the code', () => {
  it('are up to date: `npm run docs` changes nothing', async () => {
    const rendered = await renderDocs((path) => readFile(path, 'utf8'));
    const paths = [
      'openapi.json',
      'http-api.md',
      'config.md',
      'node.md',
      'man/coatcheck.1',
      'man/coatcheck-agent.1',
      'map.svg',
    ].map((name) => `docs/${name}`);
    expect(Object.keys(rendered)).toEqual(paths);
    for (const [path, text] of Object.entries(rendered)) {
      expect(await readFile(path, 'utf8'), path).toBe(text);
    }
  });

  it("have the app's own routes, each with the status that it grants with, and no other", async () => {
    const { paths } = JSON.parse(await readFile('docs/openapi.json', 'utf8')) as OpenApi;
    const documented = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(
        ([method, { responses }]) =>
          `${method.toUpperCase()} ${path} ${Object.keys(responses).find((s) => s < '300')!}`,
      ),
    );
    const mounted = routesOf((await makeWorld()).app).map(
      ({ route }) => `${route.method} ${route.path.replace(':node', '{node}')} ${route.status}`,
    );
    expect(documented.sort()).toEqual(mounted.sort());
  });
});
