import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttestedView } from '../../admin/attested.ts';
import { memoryArea } from '../../agent/identity/tpm/memory-area.ts';
import { nodeWords } from '../../bundle/words.ts';
import { parseCa } from '../../net/certificates.ts';
import { parseNodeId } from '../../protocol/keys.ts';
import { counterArea, pcrKeysOf } from '../../protocol/measured.ts';
import type { NvArea, PcrKey } from '../../protocol/measured.ts';
import { parseSite } from '../../protocol/site.ts';
import { signedImage } from '../pxe/image.ts';
import { openRack } from '../pxe/lab.ts';
import type { Machine, Rack, Shown } from '../pxe/lab.ts';
import { must } from '../pxe/programs.ts';
import { makeBoundImage } from './bound-image.ts';
import type { BoundImage } from './bound-image.ts';
import { tamper, unfolded, withChip } from './chip.ts';
import { disc, enrol, secureFirmware } from './firmware.ts';
import { withoutDbx, writeLists } from './lists.ts';

/** Of QEMU's serial number of the machine. */
const MACHINE = 42;
const APPLIED = /applied decision \d+/;
const REVOKED = /images before generation 2 are revoked/;
const NOT_THESE = /nothing that the site signed is about PCR 7, 11, 12 and 13/;

/** What `coatcheck image policy --json` says of a firmware. */
interface Foreseen {
  readonly pcrs: Readonly<Record<string, string>>;
  readonly secureBoot: readonly { readonly name: string; readonly digest: string }[];
}
/** What `coatcheck show --json` says of a report that a TPM vouches for. */
interface ShownReport {
  readonly report: { readonly attested: AttestedView };
}

describe('a key for signed images alone, where something changed', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'changes-'));
  const at = (...names: string[]): string => join(folder, ...names);
  let rack: Rack;
  let first: BoundImage;
  let node: string;
  beforeAll(async () => {
    rack = await openRack('key-changes', { image: signedImage, store: 'folder' });
    await enrol(rack.home, at('enrolled.fd'));
    await withoutDbx(at('enrolled.fd'));
    first = await makeBoundImage(rack.home, folder, 'first');
  });
  afterAll(async () => {
    await (rack as Rack | undefined)?.close();
    fs.rmSync(folder, { recursive: true });
  });

  /** Switches it on until `use` is done: with its TPM, and its firmware as it was enrolled. */
  const boot = (
    { iso }: Pick<BoundImage, 'iso'>,
    use: (machine: Machine) => Promise<void>,
    { variables = at('enrolled.fd'), chip = at('chip') } = {},
  ): Promise<void> =>
    withChip(chip, async (board) => {
      fs.copyFileSync(variables, at('variables.fd'));
      const args = [...secureFirmware(at('variables.fd')), ...disc(iso), ...board.args];
      const machine = await rack.boot(MACHINE, { append: '', local: true, args });
      await use(machine);
      await machine.stop();
    });

  const isRefused =
    (why: RegExp) =>
    async (machine: Machine): Promise<void> => {
      await machine.line(/\[key_refused\]$/);
      expect(unfolded(machine)).toMatch(why);
      expect(machine.said()).not.toMatch(APPLIED);
    };
  /** That it is the machine that it was: it has its configuration. */
  const isItself = async (machine: Machine): Promise<void> => {
    await machine.line(APPLIED);
    await rack.report(node);
  };
  const key = (): PcrKey => {
    const site = parseSite(fs.readFileSync(join(rack.home, 'site.json'), 'utf8'), parseCa);
    return pcrKeysOf(site)[0]!;
  };
  /** As the owner of the machine's TPM, whose authorization is empty. */
  const undefine = ({ index }: NvArea): Promise<void> =>
    tamper(at('chip'), 'tpm2_nvundefine', '-C', 'o', `0x${index.toString(16)}`);
  const variables = (from: string, ...args: string[]): Promise<string> =>
    must(['virt-fw-vars', '--loglevel', 'ERROR', '-i', at(from), ...args]);

  it('is the same for another image that the site signed', async () => {
    await boot(first, async (machine) => {
      ({ node } = await rack.proposal());
      await rack.coatcheck('approve', node, '--yes');
      await isItself(machine);
    });
    const files = { 'etc/another': 'image\n' };
    await boot(await makeBoundImage(rack.home, folder, 'second', { files }), isItself);
  });

  it('is not there where Secure Boot is off', async () => {
    await variables('enrolled.fd', '-o', at('off.fd'), '--set-false', 'SecureBootEnable');
    await boot(
      first,
      async (machine) => {
        await isRefused(NOT_THESE)(machine);
        // The digest of that setting, where it says off.
        expect(unfolded(machine)).toMatch(/PCR 7 is [0-9a-f]{64} \(SecureBoot 115aa827dbccfb44, /);
      },
      { variables: at('off.fd') },
    );
  });

  it('is the same where db changed as it was announced, and not there where it was not', async () => {
    const key = [
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('other.key'),
      '-out',
      at('other.crt'),
    ];
    await must(['openssl', 'req', '-new', '-x509', '-subj', '/CN=other/', ...key]);
    const owner = '77fa9abd-0359-4d32-bd60-28f4e78f784b';
    await variables('enrolled.fd', '-o', at('two.fd'), '--add-db', owner, at('other.crt'));
    await writeLists(at('two.fd'), at('lists'));
    const own = join(rack.home, 'image-keys');
    const sign = ['--firmware', own, '--firmware', at('lists')];
    const both = await makeBoundImage(rack.home, folder, 'both', { sign });
    const policy = ['image', 'policy', first.signed, '--firmware', at('lists')];
    const { firmware } = await rack.coatcheck<{ firmware: [Foreseen] }>(...policy);
    const [{ pcrs, secureBoot }] = firmware;
    const parts = secureBoot.map(({ name, digest }) => `${name} ${digest.slice(0, 16)}`);
    await boot(
      first,
      async (machine) => {
        await isRefused(NOT_THESE)(machine);
        expect(unfolded(machine)).toContain(
          `PCR 7 is ${pcrs['7']} (${parts.join(', ')}); PCR 11 is ${pcrs['11']}; PCR 12 is empty; PCR 13 is empty`,
        );
      },
      { variables: at('two.fd') },
    );
    const changed = async (): Promise<readonly string[] | undefined> => {
      const { report } = await rack.coatcheck<ShownReport>('show', node);
      expect(report.attested.faults).toEqual([]);
      return report.attested.changed;
    };
    await boot(both, isItself, { variables: at('two.fd') });
    expect(await changed()).toEqual(['db']);
    await boot(both, isItself);
    expect(await changed()).toBeUndefined();
  });

  it('is withheld from an image that was revoked, also once its counter was removed', async () => {
    const sign = ['--generation', '2'];
    const newer = await makeBoundImage(rack.home, folder, 'newer', { sign });
    await boot(newer, isItself);
    await rack.coatcheck('image', 'revoke', '--below', '2', node, '--yes');
    await boot(newer, async (machine) => {
      await isItself(machine);
      const { report } = await rack.coatcheck<Shown>('show', node);
      expect(report!.result).toContain('revoked below 2');
    });
    await boot(first, isRefused(REVOKED));
    await undefine(counterArea(key()));
    await boot(first, isRefused(REVOKED));
    await boot(newer, isItself);
  });

  it.each([
    ['its memory was removed by another system', () => undefine(memoryArea(key()))],
    ['its TPM was cleared', () => tamper(at('chip'), 'tpm2_clear')],
  ])('is the same where %s, and takes nothing from before', async (_, change) => {
    const sign = ['--generation', '2'];
    const image = await makeBoundImage(rack.home, folder, 'wiped', { sign });
    await change();
    await boot(image, async (machine) => {
      const { decision } = await rack.report(node);
      expect(unfolded(machine)).toMatch(/memory was wiped/);
      expect(machine.said()).not.toMatch(APPLIED);
      await rack.coatcheck('renew', node, '--yes');
      await machine.line(new RegExp(`applied decision ${decision!.seq + 1}`));
    });
  });

  it('is another on another mainboard, to which its configuration is transferred', async () => {
    await boot(
      first,
      async (machine) => {
        const { node: other } = await rack.proposal();
        expect(other).not.toBe(node);
        // As whoever stands in front of it reads them.
        const words = nodeWords(parseNodeId(other));
        expect(unfolded(machine)).toContain(words);
        await rack.coatcheck('transfer', node, words, '--yes');
        await machine.line(APPLIED);
      },
      { chip: at('other-chip') },
    );
  });
});
