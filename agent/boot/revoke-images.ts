import { CoatcheckError } from '../../bundle/errors.ts';
import type { VerifiedFrame } from '../../bundle/frame.ts';
import type { Node } from './node.ts';
import { raiseCounter, readCounter } from '../identity/tpm/counter.ts';
import { withTpm } from '../identity/tpm/device.ts';
import { generationOf } from '../../protocol/measured.ts';

/**
 * So many generations, at most, the counter goes up in one start: each is 64 writes of a TPM, which wear it and take their time.
 */
const AT_ONCE = 4;

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
      const revoked = generationOf(counter ?? 0);
      if (revoked >= generation) return [tell(counter)];
      const why = whyNot(generation, own, frame);
      if (why !== undefined) return [tell(counter), `NOT revoked: ${why}`];
      const now = Math.min(generation, revoked + AT_ONCE);
      const raised = tell(raiseCounter(tpm, authority, now));
      if (now === generation) return [raised];
      return [
        raised,
        `NOT revoked: a start does ${AT_ONCE} generations, and the next goes on to ${generation}`,
      ];
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
  return isFirst ? 'a key for first configurations is among those that signed that' : undefined;
}
