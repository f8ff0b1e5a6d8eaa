import { readFile, writeFile } from 'node:fs/promises';
import { renderDocs } from './render-docs.ts';

/** Writes what of `docs/` is made from the code; a test holds that it was not forgotten. */
for (const [path, text] of Object.entries(await renderDocs((path) => readFile(path, 'utf8')))) {
  await writeFile(path, text);
  console.log(path);
}
