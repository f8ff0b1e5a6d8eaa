import { expect, it } from 'vitest';
import { readBundle } from '../../bundle/header.ts';
import { openReport } from '../../bundle/report.ts';
import { verifyFrame, decodeFrame } from '../../bundle/frame.ts';
import { fileEntry, approvedFrame } from '../../tests/support/frames.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import type { OpenedMemory } from '../identity/memory/open-memory.ts';
import type { Node } from './node.ts';
import { sendReport } from './report.ts';
import type { Servers } from './servers.ts';
import type { Decision } from './source.ts';

const testSite = makeSite();
const identity = makeNode();
const bytes = approvedFrame(testSite, identity, [fileEntry('etc/motd', 'x')], 7);
const frame = verifyFrame(decodeFrame(bytes, { maxBytes: bytes.length }), testSite.site);
const decision: Decision = { frame, proof: bytes, serverNow: 0 };

/** What an administrator reads in the report of a machine with this memory. */
async function reported(memory: Partial<OpenedMemory>, outcome = 'applied'): Promise<string> {
  let sent: Uint8Array | undefined;
  const client = {
    report: () => Promise.resolve({ put: {} }),
    put: (_: unknown, sealed: Uint8Array) => {
      sent = sealed;
      return Promise.resolve();
    },
  };
  const servers = { ask: (act: (c: unknown) => unknown) => act(client) } as unknown as Servers;
  const node = { site: testSite.site, identity, memory, now: () => 1 } as unknown as Node;
  expect(await sendReport(node, servers, decision, outcome)).toBe(true);
  const sealed = readBundle(sent!, { maxBytes: sent!.length, expect: 'report' });
  return openReport(sealed, testSite.admins[0]!.identity).result;
}

it.each([
  [{ kind: 'tpm', before: { seq: 6 } }, 'applied; memory: tpm, decision 6 was remembered'],
  [{ kind: 'tpm', before: undefined }, 'applied; memory: tpm, nothing was remembered'],
  [{ kind: 'none', before: undefined }, 'applied; memory: none, nothing was remembered'],
] as const)('a report says what was remembered: %j', async (memory, said) => {
  expect(await reported(memory as unknown as OpenedMemory)).toBe(said);
});

it('has room for the longest of both', async () => {
  const memory = { kind: 'stick', before: { seq: Number.MAX_SAFE_INTEGER } };
  const outcome = 'x'.repeat(960);
  expect(await reported(memory as unknown as OpenedMemory, outcome)).toMatch(/^x{960}; memory: /);
});
