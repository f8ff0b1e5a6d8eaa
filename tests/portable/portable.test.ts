// @module-tag long
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import { utf8 } from '../../bundle/bytes.ts';
import { decodeFrame } from '../../bundle/frame.ts';
import { formatSite } from '../../protocol/site.ts';
import { startLab } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';
import { makeNode } from '../support/site.ts';
import { cases } from '../vectors/suite.ts';
import { parseVector } from '../vectors/vector.ts';
import type * as Program from './program.ts';

/** What browsers and workers define, and nothing of Node. One Uint8Array, as between two scripts. */
const WEB = {
  ...{ AbortController, AbortSignal, Headers, Request, Response, TextDecoder, TextEncoder },
  ...{ URL, URLSearchParams, Uint8Array, clearTimeout, console, crypto, fetch, setTimeout },
};

/** The program as a bundler makes it of `node --conditions=browser`'s modules, loaded by itself. */
async function load(): Promise<typeof Program> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('program.ts', import.meta.url))],
    ...{ bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'program' },
  });
  const context = createContext({ ...WEB });
  runInContext(outputFiles[0]!.text, context);
  return context['program'] as typeof Program;
}

describe('without Node', () => {
  let program: typeof Program;
  let lab: Lab;
  beforeAll(async () => {
    program = await load();
    lab = await startLab();
  });
  afterAll(() => lab.stop());

  it('every vector has its verdict', () => {
    const verdicts = cases.map(({ name, text }) => [name, program.verdictOf(name, text)]);
    const expected = cases.map(({ name, text }) => [name, parseVector(name, text).expect]);
    expect(verdicts).toEqual(expected);
  });

  it('an administrator approves', async () => {
    const node = makeNode();
    await lab.propose(node, { 'etc/hostname': 'web1\n' });
    // As `makeSite` makes the key of its administrator.
    const seed = sha256(utf8('coatcheck test seed: admin ada'));
    expect(await program.approveAll(formatSite(lab.site), seed)).toEqual([1]);
    const { statement } = decodeFrame(await lab.approved(node.id), { maxBytes: 2 ** 20 });
    expect(statement.statement).toMatchObject({ type: 'approve', node: node.id });
  });

  it.each(['DOM,DOM.Iterable', 'WebWorker,WebWorker.Iterable'])(
    'the format, the protocol and the library of an administrator have their types: %s',
    (lib) => {
      const tsc = 'node_modules/typescript/bin/tsc';
      const args = [tsc, '-p', 'tsconfig.portable.json', '--lib', `ES2023,${lib}`];
      execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' });
    },
  );
});
