import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import {
  encodeManifest,
  fromHex,
  sealReport,
  toBase64Url,
  ZERO_DIGEST,
} from '../../bundle/index.ts';
import type { Identity, Report } from '../../bundle/index.ts';
import { reportText } from '../../bundle/report.ts';
import type { StatusView } from '../../admin/views/status.ts';
import { EXIT } from '../../protocol/errors.ts';
import { encodeAttestation } from '../../protocol/attestation.ts';
import type { Attestation, AttestedText } from '../../protocol/attestation.ts';
import { reportKey } from '../../protocol/keys.ts';
import type { MeasuredEvent } from '../../protocol/measured-events.ts';
import type { ImageClaim } from '../../protocol/measured.ts';
import { formatSite } from '../../protocol/site.ts';
import { bindSite, makePcrKey } from '../support/bound-machine.ts';
import { openDesk, refusal } from '../support/cli.ts';
import type { Desk } from '../support/cli.ts';
import { makeNode, SETTINGS } from '../support/site.ts';
import { makeSoftwareTpm } from '../support/software-tpm.ts';
import type { SoftwareTpm } from '../support/software-tpm.ts';

const secret = makePcrKey();
const IMAGE: ImageClaim = { version: '13.1', generation: 1 };
const RUNS = (generation: number): string =>
  `this machine runs image "13.1" (generation ${generation}), which the site signed, and its key exists in such images alone`;
const WORDS = '([a-z]+ ){7}[a-z]+';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
  fs.writeFileSync(join(desk.home, 'site.json'), formatSite(bindSite(desk.site, secret)));
});
afterAll(() => desk.close());

/** What a machine says in a proposal or a report, and what vouches for it. */
interface Says {
  readonly tpm: SoftwareTpm;
  readonly image?: ImageClaim;
  readonly starts?: number;
  /** What its firmware and its image's stub measured */
  readonly events?: readonly MeasuredEvent[];
  /** What becomes of what vouches on its way */
  readonly change?: (attestation: Attestation) => Attestation;
}
const vouched = (
  { tpm, image = IMAGE, starts, events, change }: Says,
  about: AttestedText,
): Uint8Array => {
  const made = tpm.vouch(desk.site.id, secret, image, about, starts, events);
  return encodeAttestation(change?.(made) ?? made);
};

/** @param says undefined: nothing vouches */
async function propose(node: Identity, says?: Says, base = ZERO_DIGEST): Promise<string> {
  const claims = { ...SETTINGS, keySource: 'tpm' };
  const manifest = { node, base, metadata: claims, files: [] };
  const about = { node: node.id, statement: base, text: sha256(encodeManifest(manifest)) };
  const attestation = says && toBase64Url(vouched(says, about));
  const metadata = { ...claims, ...(attestation !== undefined && { attestation }) };
  return desk.propose(node, { base, files: {}, metadata });
}

const decided = async (node: Identity): Promise<Uint8Array> => {
  const { decision } = await desk.json<{ decision: { statementDigest: string } }>('show', node.id);
  return fromHex(decision.statementDigest);
};

async function report(node: Identity, says: Says): Promise<void> {
  const text: Report = {
    ...{ node: node.id, site: desk.site.id, statementDigest: await decided(node) },
    ...{ time: 1_790_000_100, result: 'applied: 0 changed, 0 removed, 0 as they were' },
  };
  const about = {
    ...{ node: node.id, statement: text.statementDigest },
    text: sha256(reportText(text)),
  };
  const sealed = sealReport({
    report: { ...text, attestation: vouched(says, about) },
    signer: node,
    recipients: desk.site.pinned.keyset.keys.map(({ boxKey }) => boxKey),
  });
  await desk.store.create(reportKey(node.id), sealed);
}

/** What `approve` shows before it asks, where nobody can be asked. */
async function reviewed(node: Identity): Promise<string> {
  const run = await desk.run('approve', node.id);
  expect(run.code).toBe(EXIT.usage);
  return run.stdout + run.stderr;
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));

it('a proposal that a TPM vouches for says so, in show and in approve', async () => {
  const node = makeNode('vouched for');
  await propose(node, { tpm: makeSoftwareTpm() });
  const line = new RegExp(
    `${RUNS(1).replace(/[()]/g, '\\$&')}: by a TPM seen for the first time, “${WORDS}”: compare that with its console`,
  );
  expect((await desk.run('show', node.id)).stdout).toMatch(line);
  const review = await reviewed(node);
  expect(review).toMatch(line);
  expect(review).not.toContain('does not hold');
});

it.each<[why: string, change: (attestation: Attestation) => Attestation]>([
  [
    'it was made by another machine',
    (made) => {
      const about = { ...made.about, node: makeNode('another').id };
      return makeSoftwareTpm().vouch(desk.site.id, secret, IMAGE, about);
    },
  ],
  [
    'it is an old one: another decision was in force then',
    (made) => {
      const about = { ...made.about, statement: new Uint8Array(32).fill(1) };
      return makeSoftwareTpm().vouch(desk.site.id, secret, IMAGE, about);
    },
  ],
  [
    'the certificate is not signed by its key',
    (made) => {
      const signature = flipped(made.certificate.signature);
      return { ...made, certificate: { ...made.certificate, signature } };
    },
  ],
  [
    'its event log gives another PCR 7 than it shows',
    ({ events: [first, second], ...made }) => ({ ...made, events: [second!, first!] }),
  ],
  [
    'nothing that the site signed is about the registers',
    (made) => ({ ...made, image: { ...IMAGE, generation: 9 } }),
  ],
  [
    'the site has no such key that signs images',
    (made) => makeSoftwareTpm().vouch(desk.site.id, makePcrKey(), IMAGE, made.about),
  ],
])(
  'a proposal is shown, reviewed and warned of with what speaks against it: %s',
  async (why, change) => {
    const node = makeNode(why);
    await propose(node, { tpm: makeSoftwareTpm(), change });
    const claims = /claims to run image "13\.1" \(generation \d\); against it: /;
    const shown = (await desk.run('show', node.id)).stdout;
    expect(shown).toMatch(claims);
    expect(shown).toContain(`against it: ${why}`);
    const review = await reviewed(node);
    expect(review).toContain(`against it: ${why}`);
    expect(review).toContain(`what vouches for this machine does not hold: ${why}`);
    for (const text of [shown, review]) expect(text).not.toContain('this machine runs');
  },
);

it('what is no attestation at all is shown as that', async () => {
  const node = makeNode('unreadable');
  const metadata = { ...SETTINGS, attestation: toBase64Url(new Uint8Array(9)) };
  await desk.propose(node, { files: {}, metadata });
  expect((await desk.run('show', node.id)).stdout).toContain('nothing that can be read');
  expect(await reviewed(node)).toContain(
    'what vouches for this machine does not hold: it cannot be read',
  );
});

it.each<[what: string, says: (approved: SoftwareTpm) => Says | undefined, warning: string]>([
  ['nothing', () => undefined, 'the TPM that was approved vouches for nothing of this'],
  ['another', () => ({ tpm: makeSoftwareTpm() }), `another TPM was approved: “${WORDS}”`],
  [
    'an older one',
    (tpm) => ({ tpm, starts: 4 }),
    'the TPM was started 4 times, and 5 when it was approved',
  ],
])('where a TPM was approved %s vouches, and that is warned of', async (what, says, warning) => {
  const [node, tpm] = [makeNode(`approved, then ${what}`), makeSoftwareTpm()];
  await propose(node, { tpm, starts: 5 });
  await desk.json('approve', node.id, '--yes');
  await propose(node, says(tpm), await decided(node));
  expect(await reviewed(node)).toMatch(new RegExp(`warning: .*${warning}`));
});

it('to go back to what an administrator changed for the TPM of before is warned of, by its words', async () => {
  const [node, before] = [makeNode('another TPM'), makeSoftwareTpm()];
  await propose(node, { tpm: before });
  const shown = (await desk.run('show', node.id)).stdout;
  const [words] = new RegExp(`“${WORDS}”`).exec(shown)!;
  await desk.json('approve', node.id, '--yes');
  await desk.json('set', 'answer:proxy=none', node.id, '--yes');
  await propose(node, { tpm: makeSoftwareTpm() }, await decided(node));
  await desk.json('approve', node.id, '--yes');
  const back = await desk.run('rollback', node.id, '2');
  expect(back.code).toBe(EXIT.usage);
  expect(back.stdout + back.stderr).toContain(
    `it approves the TPM ${words}, of which nothing was checked here: compare that with the machine's console`,
  );
});

it('a machine lags once another was shown to run a later generation, in status and by its filter', async () => {
  const [old, fresh, liar] = ['old', 'fresh', 'liar'].map((name) => ({
    ...{ node: makeNode(name), tpm: makeSoftwareTpm() },
  })) as [Vouching, Vouching, Vouching];
  for (const { node, tpm } of [old, fresh, liar]) {
    await propose(node, { tpm });
    await desk.json('approve', node.id, '--yes');
  }
  const idsWhere = async (filter: string): Promise<string[]> => {
    const { nodes } = await desk.json<{ nodes: StatusView[] }>('status', '--where', filter);
    return nodes.map(({ node }) => node);
  };
  await report(old.node, { tpm: old.tpm });
  // A generation that is claimed alone makes nobody lag.
  const change = (made: Attestation) => ({ ...made, image: { ...IMAGE, generation: 9 } });
  await report(liar.node, { tpm: liar.tpm, change });
  expect(await idsWhere('image=lags')).toEqual([]);
  expect(await idsWhere('image=claims')).toEqual([liar.node.id]);

  await report(fresh.node, { tpm: fresh.tpm, image: { ...IMAGE, generation: 2 } });
  expect(await idsWhere('image=lags')).toEqual([old.node.id]);
  expect(await idsWhere('image=newest image!=claims')).toEqual([fresh.node.id]);
  const table = await desk.run('status', '--columns', 'node,image', '--where', 'image!=none');
  const rows = table.stdout.replace(/ +/g, ' ');
  expect(rows).toContain(`${old.node.id} "13.1" (generation 1, and 2 is there)\n`);
  expect(rows).toContain(`${fresh.node.id} "13.1" (generation 2)\n`);
  expect(rows).toContain(`${liar.node.id} claims "13.1" (generation 9)\n`);
  expect((await desk.run('show', fresh.node.id)).stdout).toContain(
    `vouched    ${RUNS(2)}: by the TPM that was approved`,
  );
  expect((await desk.run('show', liar.node.id)).stdout).toContain(
    'vouched    claims to run image "13.1" (generation 9); against it: nothing that the site signed is about the registers',
  );
  expect(refusal(await desk.run('status', '--where', 'image=late'))).toEqual([EXIT.usage, 'usage']);
});

interface Vouching {
  readonly node: Identity;
  readonly tpm: SoftwareTpm;
}

describe('where PCR 7 is another than when its TPM was approved', () => {
  const measured = (register: number, name: string, fill: number): MeasuredEvent => ({
    ...{ register, name },
    digest: new Uint8Array(32).fill(fill),
  });
  const image = [measured(11, '.linux', 1)];
  const before = [measured(7, 'SecureBoot', 1), measured(7, 'db', 2), measured(7, 'db', 3)];
  const CHANGED = '; since its TPM was approved, PCR 7 (Secure Boot) became another';
  const shownOf = async (now: readonly MeasuredEvent[], then = before): Promise<string> => {
    const [node, tpm] = [makeNode(`firmware ${made++}`), makeSoftwareTpm()];
    await propose(node, { tpm, events: then.concat(image) });
    await desk.json('approve', node.id, '--yes');
    await report(node, { tpm, events: now });
    return (await desk.run('show', node.id)).stdout.replace(/\s+/g, ' ');
  };
  let made = 0;

  it('that is said, and of what in the words of the machine', async () => {
    const now = [measured(7, 'SecureBoot', 1), measured(7, 'db', 2), measured(7, 'db', 4)];
    const shown = await shownOf([...now, measured(7, 'dbx "', 5), ...image]);
    expect(shown).toContain(`nobody looked${CHANGED}: "db", "dbx \\""`);
  });

  it('nothing is said of another image', async () => {
    const shown = await shownOf([...before, measured(11, '.linux', 9)]);
    expect(shown).toContain('nobody looked');
    expect(shown).not.toContain(CHANGED);
  });

  it('nothing is said of it where something speaks against the rest', async () => {
    const [node, tpm] = [makeNode('firmware of a liar'), makeSoftwareTpm()];
    await propose(node, { tpm, events: [...before, ...image] });
    await desk.json('approve', node.id, '--yes');
    const change = (of: Attestation) => ({ ...of, image: { ...IMAGE, generation: 9 } });
    await report(node, { tpm, events: [...before.slice(1), ...image], change });
    const shown = (await desk.run('show', node.id)).stdout.replace(/\s+/g, ' ');
    expect(shown).toContain('about the registers: PCR 7 is not as it should be');
    expect(shown).not.toContain(CHANGED);
  });

  it('it is said without what, where no event log came along', async () => {
    const shown = await shownOf([...before.slice(1), ...image], []);
    expect(shown).toMatch(new RegExp(`${CHANGED.replace(/[()]/g, '\\$&')}(?!:)`));
  });
});
