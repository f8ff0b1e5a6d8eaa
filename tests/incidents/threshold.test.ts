// @module-tag long
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../bundle/frame.ts';
import { toBase64Url } from '../../bundle/bytes.ts';
import { encodeSignedKeyset } from '../../bundle/keyset.ts';
import type { SignedKeyset } from '../../bundle/keyset.ts';
import { encodeSignedStatement } from '../../bundle/statement.ts';
import type { SignedStatement } from '../../bundle/statement.ts';
import { startServer } from '../../functions/serve/server.ts';
import type { RunningServer } from '../../functions/serve/server.ts';
import { openFolder } from '../../functions/stores/folder.ts';
import { createClient } from '../../protocol/client.ts';
import type { Client } from '../../protocol/client.ts';
import { codeOf } from '../../protocol/errors.ts';
import { digestHex } from '../../protocol/keys.ts';
import { parseCa } from '../../net/certificates.ts';
import { formatSite, parseSite } from '../../protocol/site.ts';
import { runCli } from '../support/cli.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import {
  makeAdmin,
  makeSite,
  makeStatement,
  nextKeyset,
  NOTHING,
  propose,
  sign,
  signAsNode,
} from '../support/site.ts';
import type { TestProposal } from '../support/site.ts';
import { malleate } from '../support/malleable.ts';

// python-tuf counted signatures, and not the keys that made them.
describe('python-tuf CVE-2020-6174: the same signer twice counts once', () => {
  const [ada, bert, carl] = ['ada', 'bert', 'carl'].map((name) => makeAdmin(name));
  const ours = makeSite({ admins: [ada!, bert!, carl!], threshold: 2 });
  const { pinned } = ours.site;
  const { keyset } = pinned;
  let folder: string;
  let server: RunningServer;
  let admin: Client;
  let machine: Machine;
  let proposal: TestProposal;
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-threshold-'));
    server = await startServer({
      ...{ site: ours.site, store: await openFolder(join(folder, 'store'), { create: true }) },
      ...{ host: '127.0.0.1', port: 0 },
    });
    fs.writeFileSync(join(folder, 'site.json'), formatSite(ours.site));
    machine = makeMachine(ours.site);
    proposal = propose({ keyset, node: machine.identity, files: { 'etc/hostname': 'mine\n' } });
    const clientOf = (identity: typeof machine.identity): Client =>
      createClient({ server: server.url, site: ours.site.id, identity });
    admin = clientOf(ada!.identity);
    const node = clientOf(machine.identity);
    const { put } = await node.propose(machine.identity.id, {
      ...{ digest: digestHex(proposal.digest), size: proposal.bytes.length },
    });
    await node.put(put, proposal.bytes);
  });
  afterAll(async () => {
    machine.remove();
    await server.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** What the machine, the administrator's tool and the server make of a decision. */
  async function verdicts(statement: SignedStatement, chain = [pinned]): Promise<string[]> {
    const copy = join(folder, 'copy');
    fs.writeFileSync(copy, encodeFrame({ chain, statement, bundle: proposal.bytes }));
    const said = ({ code, stderr }: { code: number | null; stderr: string }): string =>
      code === 0 ? 'good' : (/\[(\w+)\]\n$/.exec(stderr)?.[1] ?? stderr);
    const decided = await admin
      .decide(
        machine.identity.id,
        encodeSignedStatement(statement),
        { pending: true },
        machine.identity.boxKey,
      )
      .then(() => 'good', codeOf);
    return [
      said(await machine.run('apply', copy)),
      said(await runCli(['--home', folder, 'bundle', 'verify', copy])),
      decided,
    ];
  }
  const all = (verdict: string): string[] => [verdict, verdict, verdict];
  const approval = (): ReturnType<typeof makeStatement> =>
    makeStatement(keyset, machine.identity.id, 'approve', NOTHING, { digest: proposal.digest });

  it.each<[string, (one: SignedStatement) => SignedStatement['signatures'], string]>([
    ['once', (one) => one.signatures, 'threshold_not_met'],
    ['twice', ({ signatures: [s] }) => [s!, s!], 'duplicate'],
    ['under two indexes', ({ signatures: [s] }) => [s!, { ...s!, keyIndex: 1 }], 'bad_signature'],
    [
      'twice, the second in other bytes (S + L)',
      ({ signatures: [s] }) => [s!, { keyIndex: 0, signature: malleate(s!.signature) }],
      'duplicate',
    ],
    [
      "in other bytes under another's index",
      ({ signatures: [s] }) => [s!, { keyIndex: 2, signature: malleate(s!.signature) }],
      'bad_signature',
    ],
    [
      'beside one that the node made',
      (one) => [...one.signatures, ...signAsNode(one.statement, machine.identity).signatures],
      'self_signed_refused',
    ],
  ])('%s', async (_, forge, code) => {
    const one = sign(approval(), keyset, ada!);
    expect(await verdicts({ ...one, signatures: forge(one) })).toEqual(all(code));
  });

  it('in a keyset that lists one key twice, whatever it is called', async () => {
    const bytes = encodeSignedKeyset(pinned);
    const at = (key: Uint8Array): number => Buffer.from(bytes).indexOf(key);
    for (const of of ['signKey', 'boxKey'] as const) {
      const twice = bytes.slice();
      twice.set(ada!.key[of], at(bert!.key[of]));
      const site = JSON.parse(formatSite(ours.site)) as Record<string, unknown>;
      const text = JSON.stringify({ ...site, keyset: toBase64Url(twice) });
      expect(() => parseSite(text, parseCa)).toThrow(
        expect.objectContaining({ code: 'file_malformed' }) as Error,
      );
      fs.writeFileSync(join(folder, 'twice.json'), text);
      const run = await machine.run('--site', join(folder, 'twice.json'), 'status');
      expect(run.stderr).toContain('[file_malformed]');
    }
  });

  it('for the next keyset, which would be one signer of two', async () => {
    const mallory = makeAdmin('mallory');
    const before = { signed: pinned, admins: [ada!] };
    const forged = nextKeyset(before, [mallory], 1);
    const [signature] = forged.signatures;
    const malleated = { keyIndex: 1, signature: malleate(signature!.signature) };
    for (const [signatures, code] of [
      [forged.signatures, 'threshold_not_met'],
      [[signature!, { ...signature!, keyIndex: 1 }], 'bad_signature'],
      [[signature!, malleated], 'bad_signature'],
    ] as const) {
      const second: SignedKeyset = { ...forged, signatures };
      const next = { ...approval(), keysetVersion: 2 };
      const statement = sign(next, second.keyset, mallory);
      const [byMachine, byTool] = await verdicts(statement, [pinned, second]);
      expect([byMachine, byTool]).toEqual([code, code]);
    }
  });

  it('and two signers are two', async () => {
    expect(await verdicts(sign(approval(), keyset, ada!, carl!))).toEqual(all('good'));
    expect(machine.read('etc/hostname')).toBe('mine\n');
  });
});
