import { CoatcheckError } from '../../bundle/errors.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { Node } from './node.ts';
import { raiseCounter, readCounter } from '../identity/tpm/counter.ts';
import { withTpm } from '../identity/tpm/device.ts';
import { generationOf } from '../../protocol/measured.ts';

/**
 * Has the TPM of this machine give its key to no image before a generation any more, where its bundle says so. The image that
 * does it has started, found its decision and applied it. Whatever is in the way, the machine goes on.
 * @param generation of the bundle that is in place; undefined where it says nothing
 * @param frame whose decision that is; undefined where it is nobody's
 * @returns for a report: which image this is, which ones are revoked, and why they are not (`readResult` of the tool reads it)
 */
export function revokeImages(
  { authority }: Pick<Node, 'authority'>,
  generation = 0,
  frame: VerifiedFrame | undefined,
): readonly string[] {
  if (authority === undefined) {
    return generation === 0 ? [] : ["no image is revoked: this machine's key is bound to none"];
  }
  const own = authority.file.image.generation;
  const said = `image generation ${own}`;
  const tell = (counter = 0): string =>
    generationOf(counter) > 1 ? `${said}, revoked below ${generationOf(counter)}` : said;
  try {
    return withTpm((tpm) => {
      const counter = readCounter(tpm, authority.key);
      if (generationOf(counter ?? 0) >= generation) return [tell(counter)];
      const why = whyNot(generation, own, frame);
      return why === undefined
        ? [tell(raiseCounter(tpm, authority, generation))]
        : [tell(counter), `NOT revoked: ${why}`];
    });
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    return [said, `NOT revoked: ${error.message}`];
  }
}

/** What cannot be taken back is not done by whom nobody looks at, nor by an image that it would keep from starting again. */
function whyNot(generation: number, own: number, frame?: VerifiedFrame): string | undefined {
  if (generation > own) {
    return `this image is of generation ${own}, and those before ${generation} were to be revoked`;
  }
  if (frame === undefined || frame.self) return 'this machine approved that itself';
  const isFirst = frame.signers.some((i) => frame.keyset.keys[i]!.may === 'first');
  return isFirst ? 'a key that approves first configurations alone signed that' : undefined;
}
