import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '#platform';
import type { AttestationFault } from '../../admin/attested.ts';
import { memoryArea } from '../../agent/identity/tpm/memory-area.ts';
import { deriveIdentity, encodeManifest, fromHex, toHex, utf8 } from '../../bundle/index.ts';
import type { Identity, Manifest, NodeId } from '../../bundle/index.ts';
import { decodeAttestation } from '../../protocol/attestation.ts';
import type { Attestation } from '../../protocol/attestation.ts';
import { EXIT } from '../../protocol/errors.ts';
import { approvedKey, parseDigest, parseNodeId } from '../../protocol/keys.ts';
import type { DigestHex } from '../../protocol/keys.ts';
import { pcrKeysOf } from '../../protocol/measured.ts';
import { replayed } from '../../protocol/measured-events.ts';
import { signedImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Machine, Rack } from '../pxe/lab.ts';
import { run } from '../pxe/programs.ts';
import type { Run } from '../support/run.ts';
import { SETTINGS } from '../support/site.ts';
import { AGENT, replaying } from './attack.ts';
import { makeBoundImage } from './bound-image.ts';
import type { BoundImage } from './bound-image.ts';
import { tamper, unfolded, withChip } from './chip.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { ORDERS } from './guest/orders.ts';
import type { Loot, Orders } from './guest/orders.ts';
import { withoutDbx } from './lists.ts';
import { guestProgram, saidOn, secondLine } from './programs.ts';
import { openSiteStore } from './store.ts';
import type { SiteStore } from './store.ts';

/** A machine with a TPM of its own. */
interface Owned {
  /** Of QEMU's serial number */
  readonly number: number;
  readonly chip: string;
}
const OURS: Owned = { number: 43, chip: 'ours' };
const OTHER: Owned = { number: 45, chip: 'other' };

/** What `coatcheck show` says, as far as it is about who vouches. */
interface Vouching {
  readonly words: string;
  readonly faults: readonly AttestationFault[];
}
interface ShownVouching {
  readonly decision?: { readonly statementDigest: string };
  /** Of a proposal */
  readonly attested?: Vouching;
  readonly report?: { readonly result: string; readonly attested?: Vouching };
}

describe('what a machine proves', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'evidence-'));
  const at = (...names: string[]): string => join(folder, ...names);
  let rack: Rack;
  let store: SiteStore;
  let image: BoundImage;
  beforeAll(async () => {
    rack = await openRack('evidence', { image: signedImage, store: 'folder' });
    store = await openSiteStore(rack.home);
    await enrol(rack.home, at('enrolled.fd'));
    await withoutDbx(at('enrolled.fd'));
    const configuration = `#!/bin/sh\nnode /usr/lib/tests/seed.mjs\n${AGENT}\n`;
    const files = {
      'etc/init.d/configuration': { text: configuration, mode: 0o755 },
      'usr/lib/tests/seed.mjs': await guestProgram('seed'),
    };
    image = await makeBoundImage(rack.home, folder, 'image', { files });
  });
  afterAll(async () => {
    await (rack as Rack | undefined)?.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** Switches a machine on until `use` is done. */
  const boot = (
    { number, chip }: Owned,
    args: readonly string[],
    use: (machine: Machine) => Promise<void>,
  ): Promise<void> =>
    withChip(at(chip), async (board) => {
      const more = [...secondLine(at(`${chip}.said`)), ...board.args];
      const on = { append: '', local: true, args: [...args, ...more] } as const;
      const machine = await rack.boot(number, on);
      await use(machine);
      await machine.stop();
    });
  /** The signed image, where Secure Boot is on. */
  const signed = (): string[] => {
    fs.copyFileSync(at('enrolled.fd'), at('variables.fd'));
    return [...secureFirmware(at('variables.fd')), ...disc(image.iso)];
  };
  /** As an administrator reads it, on one line. */
  async function read(...args: string[]): Promise<Run & { all: string }> {
    const program = [...rack.network.inside, process.execPath, join('dist', 'coatcheck.mjs')];
    const done = await run([...program, '--home', rack.home, ...args]);
    return { ...done, all: `${done.stdout}${done.stderr}`.replace(/\s+/g, ' ') };
  }
  const shown = (what: string): Promise<ShownVouching> => rack.coatcheck('show', what);
  const RUNS =
    /this machine runs image ".+" \(generation 1\), which the site signed, and its key exists in such images alone/;

  /** Sees a machine through to what an administrator approves of it. */
  async function approved(owned: Owned): Promise<{ node: NodeId; proposal: Attestation }> {
    let seen: { node: NodeId; proposal: Attestation };
    await boot(owned, signed(), async (machine) => {
      const waiting = await rack.proposal();
      const [node, digest] = [parseNodeId(waiting.node), parseDigest(waiting.digest)];
      seen = { node, proposal: await store.vouchedIn(node, digest) };
      expect(replayed(seen.proposal.events).map(toHex)).toEqual(seen.proposal.registers.map(toHex));
      const { attested } = await shown(digest);
      expect(attested!.faults).toEqual([]);
      const { all } = await read('show', digest);
      expect(all).toMatch(RUNS);
      expect(all).toContain(
        `: by a TPM seen for the first time, “${attested!.words}”: compare that with its console`,
      );
      await rack.coatcheck('approve', node, '--yes');
      await machine.line(/applied decision 1/);
      expect(unfolded(machine)).toContain(attested!.words);
      await isVouched(node);
    });
    return seen!;
  }
  /** That the TPM which was approved vouches for its last report, once it has come. */
  async function isVouched(node: NodeId): Promise<void> {
    await rack.report(node);
    expect((await shown(node)).report!.attested!.faults).toEqual([]);
    const { all } = await read('show', node);
    expect(all).toMatch(new RegExp(`vouched ${RUNS.source}: by the TPM that was approved`));
  }

  let ours: { node: NodeId; proposal: Attestation };
  /** Who else has its key. */
  let thief: Identity;
  /** Of the two decisions: what its memory held then */
  const records: Buffer[] = [];
  /** What its TPM vouched for then */
  const reports: Awaited<ReturnType<SiteStore['report']>>[] = [];
  let firstDecision: Buffer;
  let other: { node: NodeId; proposal: Attestation };
  let others: Attestation;

  /** As any system on the machine reads it. */
  async function memory(): Promise<Buffer> {
    const { index, size } = memoryArea(pcrKeysOf(store.site)[0]!);
    const where = ['-s', `${size}`, '-o', at('record'), `0x${index.toString(16)}`];
    await tamper(at(OURS.chip), 'tpm2_nvread', '-C', 'o', ...where);
    return fs.readFileSync(at('record'));
  }
  async function remember(): Promise<void> {
    reports.push(await store.report(ours.node));
    records.push(await memory());
  }
  const toldIn = ({ events }: Attestation): string[] =>
    events.map(({ register, name, digest }) => `${register} ${name} ${toHex(digest)}`);
  const inForce = (): string =>
    join(rack.home, 'store', 'objects', `${approvedKey(ours.node)}.object`);

  it('is said of its image and its key by a TPM that is new, and then by one that was approved', async () => {
    ours = await approved(OURS);
    thief = deriveIdentity(fromHex(saidOn(at(`${OURS.chip}.said`))));
    expect(thief.id).toBe(ours.node);
    firstDecision = fs.readFileSync(inForce());
    await remember();
    expect(toldIn(reports[0]!.attestation)).toEqual(toldIn(ours.proposal));
  });

  it('is said of another machine by another TPM', async () => {
    other = await approved(OTHER);
    expect(other.node).not.toBe(ours.node);
    others = (await store.report(other.node)).attestation;
  });

  it('is said anew of another decision', async () => {
    await rack.coatcheck('renew', ours.node, '--reason', 'a nonce', '--yes');
    await boot(OURS, signed(), async (machine) => {
      await machine.line(/applied decision 2/);
      await isVouched(ours.node);
    });
    await remember();
    expect(records[1]).not.toEqual(records[0]);
  });

  let loot: Loot;
  let proposed: Manifest;

  it('is out of reach of a system that nobody signed, which does not write the memory back either', async () => {
    const { signKey, boxKey } = thief;
    const base = fromHex((await shown(ours.node)).decision!.statementDigest);
    const motd = { path: 'etc/motd', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 };
    proposed = {
      ...{ node: { signKey, boxKey }, base, metadata: SETTINGS },
      files: [{ ...motd, content: utf8('of a thief\n') }],
    };
    const texts = [
      reports[1]!.attestation.about,
      { node: ours.node, statement: base, text: sha256(encodeManifest(proposed)) },
    ].map(({ node, statement, text }) => ({
      ...{ node, statement: toHex(statement), text: toHex(text) },
    }));
    const orders: Orders = { record: records[0]!.toString('base64'), texts };
    const program = 'usr/lib/tests/intruder.mjs';
    const args = await replaying(image, folder, `node /${program} || echo 'the intruder failed'`, {
      [program]: await guestProgram('intruder'),
      [ORDERS]: JSON.stringify(orders),
    });
    await boot(OURS, args, async (machine) => {
      const [said] = await machine.line(/the intruder (is done|failed)/);
      expect(said).toBe('the intruder is done');
    });
    loot = JSON.parse(saidOn(at(`${OURS.chip}.said`))) as Loot;
    const { owner, password, policy } = loot.memory;
    expect(owner).toContain('the TPM refused TPM2_NV_Write: TPM_RC_NV_AUTHORIZATION');
    expect(password).toContain('the TPM refused TPM2_NV_Write: TPM_RC_AUTH_UNAVAILABLE');
    expect(policy).toContain('the TPM refused TPM2_PolicyAuthorize: TPM_RC_VALUE');
    expect(await memory()).toEqual(records[1]);
  });

  it('is as before in the signed image, which still refuses the older decision', async () => {
    const newest = fs.readFileSync(inForce());
    fs.writeFileSync(inForce(), firstDecision);
    await boot(OURS, signed(), async (machine) => {
      await machine.line(/\[rollback_refused\]/);
      expect(machine.said()).not.toMatch(/applied decision/);
      fs.writeFileSync(inForce(), newest);
      await machine.line(/applied decision 2/);
      await isVouched(ours.node);
      expect((await shown(ours.node)).report!.result).toMatch(
        /memory: tpm, decision 2 was remembered$/,
      );
    });
  });

  const decoded = (text: string): Attestation => decodeAttestation(Buffer.from(text, 'base64'));
  /** What the intruder had the TPM vouch for: of the report, or of the proposal. */
  const stolen = (of: 0 | 1, what: 'registers' | 'key'): Attestation =>
    decoded(loot.vouched[of]![what]);
  const good = (): Attestation => reports[1]!.attestation;
  const otherKey = (of: 0 | 1) => {
    const { certificate, unique } = stolen(of, 'key');
    return { certificate, unique };
  };
  /** What somebody who has the machine's key puts beside what he has it say, and what a review has against that. */
  interface Forgery {
    readonly what: string;
    readonly make: () => Attestation;
    /** Their codes */
    readonly faults: readonly string[];
    readonly says: string;
  }
  const ANOTHER =
    'it was made by another machine; it is an old one: another decision was in force then';
  const OLD = 'it is an old one: another decision was in force then';
  const UNSIGNED =
    'nothing that the site signed is about the registers: PCR 7 is not as it should be';
  const UNCERTIFIED =
    'the TPM certified another key than one that exists in images of the site alone';
  const MISUSED =
    'the quote was made for something else; the certificate was made for something else';

  it('is not made by a report that is sealed anew with what vouched for it', async () => {
    const { report, attestation } = reports[1]!;
    await store.putReport(thief, report, attestation);
    const { attested } = (await shown(ours.node)).report!;
    expect(attested!.faults).toEqual([]);
  });

  it.each<Forgery>([
    {
      what: 'of another machine',
      make: () => others,
      faults: ['other_machine', 'other_decision', 'other_text', 'other_tpm'],
      says: ANOTHER,
    },
    {
      what: 'of another machine, as if of this one',
      make: () => ({ ...others, about: good().about }),
      faults: ['not_bound', 'not_bound', 'other_tpm'],
      says: MISUSED,
    },
    {
      what: 'with the quote of another machine',
      make: () => ({ ...good(), quote: others.quote }),
      faults: ['bad_signature', 'not_bound'],
      says: 'the quote is not signed by its key',
    },
    {
      what: 'of an earlier decision',
      make: () => reports[0]!.attestation,
      faults: ['other_decision', 'other_text'],
      says: OLD,
    },
    {
      what: 'with the quote of an earlier decision',
      make: () => ({ ...good(), quote: reports[0]!.attestation.quote }),
      faults: ['not_bound'],
      says: 'the quote was made for something else',
    },
    {
      what: 'by a system that nobody signed',
      make: () => stolen(0, 'registers'),
      faults: ['unsigned'],
      says: UNSIGNED,
    },
    {
      what: 'by a system that nobody signed, with the event log of one that somebody did',
      make: () => ({ ...stolen(0, 'registers'), events: good().events }),
      faults: ['not_replayed', 'unsigned'],
      says: `its event log gives another PCR 7 than it shows; ${UNSIGNED}`,
    },
    {
      what: 'with an event left out',
      make: () => ({ ...good(), events: good().events.slice(0, -1) }),
      faults: ['not_replayed'],
      says: 'its event log gives another PCR 11 than it shows',
    },
    {
      what: 'by a system that nobody signed, with the registers of one that somebody did',
      make: () => ({ ...stolen(0, 'registers'), registers: good().registers }),
      faults: ['not_quoted', 'not_replayed'],
      says: 'the quote is about other registers; its event log gives another PCR 7 than it shows',
    },
    {
      what: 'with the certificate of another key',
      make: () => ({ ...good(), ...otherKey(0) }),
      faults: ['uncertified'],
      says: UNCERTIFIED,
    },
  ])('is named beside a report: $what', async ({ make, faults, says }) => {
    await store.putReport(thief, reports[1]!.report, make());
    const { attested } = (await shown(ours.node)).report!;
    expect(attested!.faults.map(({ code }) => code)).toEqual(faults);
    const { all } = await read('show', ours.node);
    // Above it is what is in force, whose TPM was approved.
    const vouched = all.slice(all.indexOf(' vouched '));
    expect(vouched).toMatch(/^ vouched claims to run image ".+" \(generation 1\); against it: /);
    expect(vouched).toContain(says);
    expect(vouched).not.toMatch(RUNS);
  });

  it.each<Forgery>([
    {
      what: 'of another machine',
      make: () => other.proposal,
      faults: ['other_machine', 'other_decision', 'other_text', 'other_tpm'],
      says: ANOTHER,
    },
    {
      what: 'of its first proposal',
      make: () => ours.proposal,
      faults: ['other_decision', 'other_text'],
      says: OLD,
    },
    {
      what: 'by a system that nobody signed',
      make: () => stolen(1, 'registers'),
      faults: ['unsigned'],
      says: UNSIGNED,
    },
    {
      what: 'by a system that nobody signed, with the certificate of another key',
      make: () => ({ ...stolen(1, 'registers'), ...otherKey(1) }),
      faults: ['unsigned', 'uncertified'],
      says: `${UNSIGNED}; ${UNCERTIFIED}`,
    },
  ])('is named beside a proposal: $what', async ({ make, faults, says }) => {
    const digest = await store.putProposal(thief, proposed, make());
    const { attested } = await shown(digest);
    expect(attested!.faults.map(({ code }) => code)).toEqual(faults);
    expect(await reviewed(digest)).toContain(
      `what vouches for this machine does not hold: ${says}`,
    );
    await store.removeProposal(ours.node, digest);
  });

  it('is missed in a proposal for which nothing vouches', async () => {
    const digest = await store.putProposal(thief, proposed);
    expect(await reviewed(digest)).toContain(
      'the TPM that was approved vouches for nothing of this',
    );
    await store.removeProposal(ours.node, digest);
  });

  /** What an administrator is shown before the question whether to approve it. */
  async function reviewed(digest: DigestHex): Promise<string> {
    const { code, all } = await read('approve', ours.node, digest);
    expect(code).toBe(EXIT.usage);
    expect(all).not.toMatch(RUNS);
    return all;
  }
});
