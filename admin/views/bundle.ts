import { equalBytes, toHex } from '../../bundle/index.ts';
import type { Manifest, Metadata, NodeId } from '../../bundle/index.ts';
import { nodeWords } from '../../bundle/words.ts';
import type { Execution, SitePath } from '../../protocol/paths.ts';
import { predecessorOf } from '../../protocol/succession.ts';
import type { Predecessor } from '../../protocol/succession.ts';
import { voucherIn } from '../attested.ts';
import type { AttestedView } from '../attested.ts';
import { endorsementView } from '../endorsed.ts';
import type { EndorsementView } from '../endorsed.ts';
import { octal } from '../octal.ts';
import { machinePaths } from '../traits.ts';
import type { OpenedBundle } from '../open.ts';
import type { Session } from '../session.ts';

/** Whose signature a bundle has: its node's, or an administrator's; without name, of an older keyset. */
export type BundleSigner =
  { readonly by: 'node' } | { readonly by: 'admin'; readonly name?: string };

/** What a bundle says of the image that it was made on. All of it is a claim of its maker. */
export interface ImageFacts {
  /** 1 to 64 printable ASCII characters; absent where the image has none */
  readonly version?: string;
  /** SHA-256 of the list of what the image ships, 64 hex digits; absent where there is none */
  readonly baseline?: string;
  /** how many files the machine had as that list has them, and the bundle leaves to the image */
  readonly left: number;
}

/** {@link ImageFacts} of a bundle; undefined for one that names no image. */
export function imageFacts({ image, baseline, left }: Metadata): ImageFacts | undefined {
  if (image === undefined && baseline === undefined && left === undefined) return undefined;
  return {
    ...(image === undefined ? {} : { version: image }),
    ...(baseline === undefined ? {} : { baseline }),
    left: Object.keys(left ?? {}).length,
  };
}

/** Who and what a bundle is. What only its maker vouches for is a claim. */
export interface BundleFacts {
  readonly node: NodeId;
  /** eight, as the console of the node shows them */
  readonly words: string;
  /** claimed */
  readonly hostname?: string;
  /** where the node's key comes from; claimed */
  readonly keySource?: string;
  /** the site's PCR key that it is bound to: 16 hex digits; claimed */
  readonly pcrKey?: string;
  /** Which machine it says that it was, and whether that is proven */
  readonly succeeds?: Predecessor;
  /** unix seconds; claimed */
  readonly madeAt?: number;
  /** the program, claimed */
  readonly madeBy?: string;
  readonly image?: ImageFacts;
  /** what its TPM vouches for; absent where nothing vouches */
  readonly attested?: AttestedView;
  /** the key by which its TPM may be known; absent where it says nothing of one */
  readonly endorsement?: EndorsementView;
  readonly signer: BundleSigner;
  /** 64 hex digits; absent for one that is sealed once somebody has consented to it */
  readonly digest?: string;
  /** bytes, sealed; absent as `digest` is */
  readonly size?: number;
  /** how many */
  readonly files: number;
}

/** A bundle, or what is to become one here: sealed once somebody has consented to it. */
export type Reviewable =
  OpenedBundle | { readonly manifest: Manifest; readonly sealed?: undefined };

/**
 * {@link BundleFacts} of a bundle of `node`.
 * @param by whose names are known, and whose key signs what is not sealed yet
 */
export function bundleFacts(
  node: NodeId,
  { sealed, manifest }: Reviewable,
  { keyset, keyIndex, site }: Pick<Session, 'keyset' | 'keyIndex' | 'site'>,
): BundleFacts {
  const { hostname, keySource, pcrKey, succeeds, madeAt, madeBy } = manifest.metadata;
  const image = imageFacts(manifest.metadata);
  const endorsement = endorsementView(manifest.metadata, voucherIn(manifest.metadata));
  const name = (
    sealed === undefined
      ? keyset.keys[keyIndex]
      : keyset.keys.find(({ signKey }) => equalBytes(signKey, sealed.signer))
  )?.name;
  return {
    ...{ node, words: nodeWords(node) },
    ...(hostname === undefined ? {} : { hostname }),
    ...(keySource === undefined ? {} : { keySource }),
    ...(pcrKey !== undefined && { pcrKey }),
    ...(succeeds !== undefined && { succeeds: predecessorOf(site.id, node, succeeds) }),
    ...(madeAt === undefined ? {} : { madeAt }),
    ...(madeBy === undefined ? {} : { madeBy }),
    ...(image === undefined ? {} : { image }),
    ...(endorsement && { endorsement }),
    signer:
      sealed?.kind === 'node'
        ? { by: 'node' }
        : { by: 'admin', ...(name === undefined ? {} : { name }) },
    ...(sealed && { digest: toHex(sealed.digest), size: sealed.bytes.length }),
    files: manifest.files.length,
  };
}

/** What is in a bundle, without the contents of its files. */
export interface BundleView {
  /** 64 hex digits */
  readonly digest: string;
  /** bytes, sealed */
  readonly size: number;
  readonly madeBy: 'node' | 'admin' | 'report';
  /** Ed25519 key of who signed it, 64 hex digits */
  readonly signer: string;
  /** the statement in force when it was made, 64 hex digits; zeros for none */
  readonly base: string;
  readonly image?: ImageFacts;
  readonly metadata: Metadata;
  readonly files: readonly {
    readonly path: string;
    /** four octal digits */
    readonly mode: string;
    readonly owner: string;
    readonly group: string;
    readonly uid: number;
    readonly gid: number;
    /** bytes */
    readonly size: number;
    readonly executes: Execution | 'refused';
    readonly secret: boolean;
  }[];
}

/** {@link BundleView} of a bundle. @param paths what its site adds to the list of paths */
export function bundleView(
  { sealed, manifest }: OpenedBundle,
  paths?: readonly SitePath[],
): BundleView {
  const { traitsFor } = machinePaths(paths, manifest);
  const image = imageFacts(manifest.metadata);
  return {
    digest: toHex(sealed.digest),
    size: sealed.bytes.length,
    madeBy: sealed.kind,
    signer: toHex(sealed.signer),
    base: toHex(manifest.base),
    ...(image === undefined ? {} : { image }),
    metadata: manifest.metadata,
    files: manifest.files.map(({ path, mode, owner, group, uid, gid, content }) => ({
      ...{ path, mode: octal(mode), owner, group, uid, gid },
      size: content.length,
      ...traitsFor(path),
    })),
  };
}
