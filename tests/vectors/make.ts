// Writes every vector anew: `npx tsx tests/vectors/make.ts`. The same files come out each time.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { allVectors } from './scenarios/all.ts';
import { formatVector } from './vector.ts';

const folder = new URL('./cases/', import.meta.url);
for (const name of readdirSync(folder)) rmSync(new URL(name, folder));
const vectors = allVectors();
for (const vector of vectors) {
  writeFileSync(new URL(`${vector.name}.txt`, folder), formatVector(vector));
}
console.log(`${vectors.length} vectors written to ${folder.pathname}`);
