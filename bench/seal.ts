import { MAX_SEALED_BYTES, readBundle } from '../bundle/header.ts';
import { openBundle } from '../bundle/open.ts';
import { sealBundle } from '../bundle/seal.ts';
import { manifestOf, NODE, RECIPIENTS, textFile } from './fixtures.ts';
import { interleave } from './measure.ts';
import type { Row, Suite } from './result.ts';

const KIB = 1024;
/** The manifest, headers included, may be 1 MiB: the largest file is a little smaller. */
const SIZES = [
  ['4 KiB', 4 * KIB],
  ['64 KiB', 64 * KIB],
  ['1 MiB', 1024 * KIB - 512],
] as const;

/** Seal for a node and one administrator; open as the node, signature checked. */
export async function sealSuite(): Promise<Suite> {
  const rows: Row[] = [];
  for (const [label, size] of SIZES) {
    const manifest = manifestOf([textFile(size)]);
    const seal = (): Uint8Array =>
      sealBundle({ manifest, signer: NODE, kind: 'node', recipients: RECIPIENTS });
    const sealed = seal();
    const open = (): unknown =>
      openBundle(readBundle(sealed, { maxBytes: MAX_SEALED_BYTES, expect: 'proposal' }), NODE);
    const rates = await interleave({ seal, open }, { rounds: 7, millisecondsPerTurn: 150 });
    rows.push(
      { name: `coatcheck seal, ${label}`, value: 1000 / rates.seal },
      { name: `coatcheck open, ${label}`, value: 1000 / rates.open },
    );
  }
  return { title: 'Seal and open', unit: 'ms of CPU', rows };
}
