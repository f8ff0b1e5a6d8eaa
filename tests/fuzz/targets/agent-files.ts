import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromHex, utf8 } from '../../../bundle/bytes.ts';
import { withRoot } from '../../../agent/tree/folder.ts';
import { readKept } from '../../../agent/apply/kept.ts';
import { readMarker } from '../../../agent/apply/marker.ts';
import { fileMemory } from '../../../agent/identity/memory/memory-file.ts';
import { removeStaged } from '../../../agent/apply/stage.ts';
import { lookIntoState, stateBelow } from '../../../agent/tree/state-place.ts';
import { node, SITE } from '../../fixtures/format.ts';
import { concat } from '../../../bundle/bytes.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameText, verdict } from '../engine/verdict.ts';
import { JSON_WORDS } from '../engine/json-words.ts';

// In memory where there is such a place: every change is synced.
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const base = mkdtempSync(join(place, 'coatcheck-fuzz-'));
process.once('exit', () => rmSync(base, { recursive: true, force: true }));
const root = join(base, 'root');
const state = join(root, 'var/lib/coatcheck');
mkdirSync(state, { recursive: true });
mkdirSync(join(root, 'etc'));
// A thread cannot change it, and nobody else looks at these files.
Object.assign(process, { umask: () => 0o022 });
const memory = fileMemory(stateBelow(root), SITE, node.id);
const digest = fromHex('ab'.repeat(32));

/** Files that no journal may make the agent remove. */
const others = [join(base, 'outside'), join(root, 'etc/hosts')];
for (const path of others) writeFileSync(path, 'mine');

type Nodes = Record<string, unknown>;
const nodesIn = (text: string): Nodes => (JSON.parse(text) as { nodes: Nodes }).nodes;

/** What each file is read by, and what must hold of what was read. */
const READERS: Readonly<Record<string, (path: string) => string>> = {
  'memory.json': (path) => {
    const known = memory.load();
    const before = nodesIn(readFileSync(path, 'utf8'));
    memory.save({ keysetVersion: 1, keysetDigest: digest, seq: 2 ** 40, digest, issued: 1 });
    const saved = nodesIn(readFileSync(path, 'utf8'));
    for (const name of Object.keys(before)) {
      demand(!/^[0-9a-f]{32}\/[a-z2-7]{32}$/.test(name) || name in saved, 'a node was forgotten');
    }
    demand((memory.load()?.seq ?? 0) >= (known?.seq ?? 0), 'it remembers less');
    return known === undefined ? 'nobody' : 'known';
  },
  'applied.json': () => `${Object.keys(withRoot(root, readMarker)?.files ?? {}).length > 0}`,
  'kept.json': () =>
    `${Object.keys(withRoot(root, (top) => lookIntoState(top, readKept))?.files ?? {}).length > 0}`,
  'journal.json': () => {
    withRoot(root, (top) => lookIntoState(top, (folder) => removeStaged(top, folder)));
    for (const path of others) sameText(readFileSync(path, 'utf8'), 'mine', path);
    return 'recovered';
  },
};
const FILES = Object.keys(READERS);

const file = (name: string, content: unknown): Uint8Array =>
  concat(Uint8Array.of(FILES.indexOf(name)), utf8(JSON.stringify(content)));
const entry = {
  keysetVersion: 1,
  keysetDigest: 'cd'.repeat(32),
  seq: 3,
  digest: 'ef'.repeat(32),
  issued: 9,
};
const own = `${'a5'.repeat(16)}/${node.id}`;
const kept = { kind: 'file', sha256: 'ab'.repeat(32), mode: 420, uid: 0, gid: 0 };

/**
 * A file of the agent's, damaged or made by somebody else: it is read or refused, nothing else is
 * touched, and what it said of others is kept. The first byte says which file.
 */
export const target: Target = {
  run(input) {
    const name = FILES[(input[0] ?? 0) % FILES.length]!;
    const path = join(state, name);
    writeFileSync(path, input.subarray(1));
    const outcome = verdict(() => READERS[name]!(path));
    demand(!/_/.test(outcome) || outcome === 'file_malformed', `refused as ${outcome}`);
    demand(!('polluted' in {}), 'the prototype of all objects was changed');
    return `${name} ${outcome}`;
  },
  seeds: [
    file('memory.json', {
      coatcheck: 'memory/1',
      nodes: { [own]: entry, [own.replaceAll('a5', '5a')]: entry },
    }),
    file('memory.json', { coatcheck: 'memory/1', nodes: {} }),
    concat(
      Uint8Array.of(0),
      utf8(`{"coatcheck":"memory/1","nodes":{"__proto__":${JSON.stringify(entry)}}}`),
    ),
    file('applied.json', {
      coatcheck: 'applied/1',
      site: 'a',
      node: 'b',
      statement: 'ab'.repeat(32),
      seq: 1,
      appliedAt: 1,
      files: { 'etc/hosts': { sha256: 'ab'.repeat(32), mode: 1, uid: 0, gid: 0 } },
    }),
    file('kept.json', {
      coatcheck: 'kept/1',
      files: { 'etc/hosts': kept, a: { kind: 'absent' }, b: { kind: 'link', target: '/' } },
      originals: { 'etc/passwd': { root: null, a: 'x' } },
    }),
    file('journal.json', {
      coatcheck: 'journal/1',
      staged: ['etc/hosts', '../outside', 'etc/../../outside', '', '/', 'a\0b'],
    }),
  ],
  words: [...JSON_WORDS, 'polluted', '../'],
  limits: { maxBytes: 700, work: [20_000, 200], allocated: [65_536, 64] },
};
