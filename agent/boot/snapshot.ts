import { equalBytes } from '../../bundle/bytes.ts';
import type { FileEntry, Manifest, Metadata } from '../../bundle/manifest.ts';
import { sameSettings } from '../../bundle/settings.ts';
import { ZERO_DIGEST } from '../../bundle/statement.ts';
import { HOSTNAME_FILE, hostnameFault, hostnameIn } from '../../protocol/bootable.ts';
import { shortKeyId } from '../../protocol/measured.ts';
import { readBaseline } from '../apply/baseline.ts';
import { captureFiles, captureMachine } from '../apply/capture.ts';
import type { MachineCapture } from '../apply/capture.ts';
import { withRoot } from '../tree/folder.ts';
import { ownTime } from './node.ts';
import type { Node } from './node.ts';
import type { Decision } from './source.ts';
import { VERSION } from './version.ts';

/** What a machine would be: what its proposal says beside who made it. */
export interface Draft {
  readonly files: readonly FileEntry[];
  readonly metadata: Metadata;
  /**
   * What this boot made because the machine had none, as SSH host keys are: proposed with the files, unless the
   * bundle in force has them, and no reason to propose.
   */
  readonly made?: readonly FileEntry[];
}

/** The SSH host keys of this boot, where the image brings none. */
export function hostKeys({ rootPath, paths }: Pick<Node, 'rootPath' | 'paths'>): FileEntry[] {
  return withRoot(rootPath, (root) => {
    const look = readBaseline(root);
    const isImages = (path: string): boolean =>
      look.state === 'found' && look.baseline.files[path] !== undefined;
    const isWanted = (path: string): boolean => HOST_KEY.test(path) && !isImages(path);
    return [...captureFiles(root, paths, isWanted).files];
  });
}

const HOST_KEY = /^etc\/ssh\/ssh_host_[^/]+_key(\.pub)?$/;

/** The machine as it is now, and what of it no bundle may hold. */
export function takeSnapshot(node: Pick<Node, 'rootPath' | 'paths'>): MachineCapture {
  const capture = withRoot(node.rootPath, (root) => captureMachine(root, node.paths));
  return { ...capture, metadata: { ...capture.metadata, ...hostname(capture.files) } };
}

/** @param inForce what it is proposed against; nothing yet where it is undefined */
export function manifestOf(node: Node, draft: Draft, inForce: Decision | undefined): Manifest {
  const { signKey, boxKey } = node.identity;
  const { paths: _, fresh: __, ...metadata } = withoutOrder(draft.metadata);
  const { digest } = node.paths;
  const fresh = node.memory.wiped?.();
  return {
    node: { signKey, boxKey },
    base: inForce?.frame.statementDigest ?? ZERO_DIGEST,
    metadata: {
      ...metadata,
      ...(digest !== undefined && { paths: digest }),
      ...(fresh !== undefined && { fresh }),
      madeAt: ownTime(node),
      madeBy: `coatcheck-agent ${VERSION}`,
      keySource: node.keySource,
      ...(node.keySource === 'tpm' &&
        node.authority !== undefined && { pcrKey: shortKeyId(node.authority.key) }),
      ...(node.former !== undefined && { succeeds: node.former.succeeds }),
    },
    files: draft.files,
  };
}

/** Which images are revoked, and whose TPM is known, is for administrators to say; what a TPM vouched for is about what was. */
const withoutOrder = ({
  generation: _,
  activation: __,
  attestation: ___,
  endorsement: ____,
  ...metadata
}: Metadata): Metadata => metadata;

/** The host name, where `etc/hostname` holds one. */
export function hostname(files: readonly FileEntry[]): Pick<Metadata, 'hostname'> {
  const content = files.find(({ path }) => path === HOSTNAME_FILE)?.content;
  if (content === undefined || hostnameFault(content) !== undefined) return {};
  const name = hostnameIn(content);
  return name === undefined ? {} : { hostname: name };
}

/**
 * Whether a bundle makes the same of a machine as a draft does, whatever the draft's boot made. Numbers of
 * owners differ between images.
 */
export function installTheSame(bundle: Draft, { files, metadata, made = [] }: Draft): boolean {
  const others = new Map(files.map((file) => [file.path, file]));
  const theirs = bundle.files.filter(({ path }) => !made.some((file) => file.path === path));
  return (
    sameSettings(withoutOrder(bundle.metadata), withoutOrder(metadata)) &&
    theirs.length === files.length &&
    theirs.every((file) => {
      const other = others.get(file.path);
      return (
        other !== undefined &&
        file.mode === other.mode &&
        file.owner === other.owner &&
        file.group === other.group &&
        equalBytes(file.content, other.content)
      );
    })
  );
}
