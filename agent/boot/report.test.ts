import { expect, it } from 'vitest';
import { readBundle } from '../../bundle/header.ts';
import { openReport } from '../../bundle/report.ts';
import { verifyFrame, decodeFrame } from '../../bundle/frame.ts';
import { fail } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { fileEntry, approvedFrame } from '../../tests/support/frames.ts';
import { makeNode, makeSite } from '../../tests/support/site.ts';
import type { OpenedMemory } from '../identity/memory/memory.ts';
import type { Node } from './node.ts';
import { createPatience } from './patience.ts';
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
  const servers = {
    ask: (act: (c: unknown) => unknown) => act(client),
    hasAnswered: () => true,
  } as unknown as Servers;
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

/** How often it is tried where each try fails so, and a minute ends after three of them. */
async function triesOf(code: ErrorCode, hasAnswered: boolean): Promise<number> {
  let tries = 0;
  const servers = {
    ask: () => Promise.reject(fail(code, `try ${++tries}`)),
    hasAnswered: () => hasAnswered,
  } as unknown as Servers;
  const memory = { kind: 'none' };
  const console = { note: () => undefined };
  const node = { ...{ site: testSite.site, identity, memory, console }, now: () => 1 };
  const patience = hasAnswered
    ? createPatience({
        ...{ limitSeconds: 60, elapsed: () => tries * 20_000 },
        sleep: () => Promise.resolve(),
      })
    : undefined;
  const sent = await sendReport(node as unknown as Node, servers, decision, 'applied', patience);
  expect(sent).toBe(false);
  return tries;
}

it.each([
  ['server_unreachable', true, 3],
  ['network_down', true, 3],
  ['store_unavailable', true, 3],
  ['server_unreachable', false, 1],
  ['already_decided', true, 1],
  ['not_this_node', true, 1],
] as const)(
  'is sent again after %s, if a server answered before: %s',
  async (code, before, tries) => {
    expect(await triesOf(code, before)).toBe(tries);
  },
);
