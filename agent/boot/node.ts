import { equalBytes } from '../../bundle/bytes.ts';
import type { SealedBundle } from '../../bundle/header.ts';
import { deriveIdentity } from '../../bundle/identity.ts';
import type { Identity, NodeId } from '../../bundle/identity.ts';
import type { Manifest } from '../../bundle/manifest.ts';
import { openBundle } from '../../bundle/open.ts';
import type { Statement } from '../../bundle/statement.ts';
import { now } from '../../files/calls.ts';
import { naming } from '../../files/errors.ts';
import { reading } from '../../files/read.ts';
import { textIn } from '../../files/text.ts';
import { fail, hasCode } from '../../protocol/errors.ts';
import { parseCa } from '../../net/certificates.ts';
import { pathList } from '../../protocol/paths.ts';
import type { PathList } from '../../protocol/paths.ts';
import { parseSite } from '../../protocol/site.ts';
import type { Site } from '../../protocol/site.ts';
import { signSuccession } from '../../protocol/succession.ts';
import { isExpired } from '../../protocol/verify.ts';
import { formatTime } from '../console/console.ts';
import type { Console } from '../console/console.ts';
import { readImage } from '../tree/image.ts';
import { readAuthorities } from '../identity/authority.ts';
import { openSeed } from '../identity/keys/open-seed.ts';
import type { OpenedSeed } from '../identity/keys/open-seed.ts';
import type { KeySource } from '../identity/keys/key-source.ts';
import { readFormerSeed } from '../identity/keys/tpm-seed.ts';
import type { Authority } from '../identity/tpm/policy.ts';
import type { MemoryKind } from '../identity/memory/kind.ts';
import { openMemory } from '../identity/memory/open-memory.ts';
import type { OpenedMemory } from '../identity/memory/memory.ts';
import { stateAt, stateBelow, stateOfThisBoot } from '../tree/state-place.ts';
import type { StatePlace } from '../tree/state-place.ts';

/** Where a machine keeps what the agent needs. */
export interface Places {
  /** The machine's root folder */
  readonly root: string;
  readonly site: string;
  /** Where it is not given: a file below the root, or a credential */
  readonly key?: KeySource | undefined;
  /** What remembers the newest decision; a file where it is not given */
  readonly memory?: MemoryKind | undefined;
  /** Folder of the memory's file; below the root where it is not given */
  readonly state?: string | undefined;
}

/** A machine by a key that it has no more. */
interface Former {
  readonly id: NodeId;
  /** What its proposals say of it: signed by that key */
  readonly succeeds: string;
}

/** One machine: who it is, whom it believes, and what it remembers. */
export interface Node {
  readonly rootPath: string;
  readonly site: Site;
  /** What a bundle may place here: the built-in list, and the site's. */
  readonly paths: PathList;
  readonly identity: Identity;
  /** Where its seed came from: what it claims in a proposal */
  readonly keySource: KeySource['from'];
  /** What opens what its TPM has for signed images alone; undefined where nothing there is bound to an image */
  readonly authority?: Authority | undefined;
  /** What this machine was by the site's PCR key before this one; undefined where it was nothing */
  readonly former?: Former | undefined;
  readonly memory: OpenedMemory;
  readonly console: Console;
  /** Unix seconds, by the machine's own clock. */
  readonly now: () => number;
  /** Unix seconds: when the image was made; undefined where it does not say */
  readonly built: number | undefined;
}

const MAX_SITE_FILE_BYTES = 64 * 1024;

/** @throws file_missing, file_malformed, file_unsafe, weak_secret, file_denied; as `openSeed` and `openMemory` */
export function openNode(places: Places, console: Console, now: () => number): Node {
  const site = readNamedSite(places.site);
  const isOfTpm = [places.key?.from, places.memory].includes('tpm');
  const [authority, before] = isOfTpm ? readAuthorities(site, places.root) : [];
  const { seed, from: keySource } = openSeed(places.key, places.root, () => authority);
  const identity = deriveIdentity(seed);
  const kind = places.memory ?? 'file';
  const owner = { site: site.id, node: identity.id };
  const memory = openMemory(kind, statePlace(places), owner, authority);
  return {
    rootPath: places.root,
    site,
    paths: pathList(site.paths),
    identity,
    keySource,
    authority,
    former: keySource === 'tpm' && before ? formerOf(site, before, identity, console) : undefined,
    memory,
    console,
    now,
    built: readImage(places.root).date,
  };
}

/** It is the machine by its new key whether or not the old one can be had. @throws device_failed */
function formerOf(
  site: Site,
  before: Authority,
  { id }: Identity,
  console: Console,
): Former | undefined {
  try {
    const seed = readFormerSeed(before);
    if (seed === undefined) return undefined;
    const old = deriveIdentity(seed);
    return { id: old.id, succeeds: signSuccession(site.id, old, id) };
  } catch (error) {
    if (!hasCode(error, 'key_refused', 'file_malformed')) throw error;
    console.note(
      `this machine cannot show which one it was by the site's PCR key before: ${(error as Error).message}`,
    );
    return undefined;
  }
}

/** The seed of a machine whose site is read only where its key asks for it. @throws as {@link openNode} */
export const openPlaced = ({ key, root, site }: Places): OpenedSeed =>
  openSeed(key, root, () => readAuthorities(readNamedSite(site), root)[0]);

function statePlace({ root, state, memory }: Places): StatePlace {
  if (state !== undefined) return stateAt(state);
  return memory === 'none' ? stateOfThisBoot(root) : stateBelow(root);
}

/** The site; of a file that is none which, and how to name another. */
export function readNamedSite(path: string): Site {
  try {
    return readSiteFile(path);
  } catch (error) {
    const said = (error as Error).message;
    if (hasCode(error, 'file_missing')) {
      const how = 'copy the site.json that coatcheck init made there, or name it with --site';
      throw fail('file_missing', `${said}: ${how}`, { cause: error });
    }
    if (!hasCode(error, 'file_malformed')) throw error;
    throw fail('file_malformed', `${path}: ${said}`, { cause: error });
  }
}

function readSiteFile(path: string): Site {
  const { content } = naming(path, () => now(reading(path, { maxBytes: MAX_SITE_FILE_BYTES })));
  return parseSite(textIn(content, 'it'), parseCa);
}

/** The time that this machine itself vouches for, Unix seconds: its image is not from the future. */
export function ownTime(node: Node): number {
  return Math.max(0, node.built ?? 0, node.now());
}

/**
 * By which of all clocks that this machine knows of a statement is over, for a person; undefined if by
 * none. The machine's own goes first.
 * @param serverNow unix seconds, by whom it was fetched from: a lie can only end it early
 */
export function overBy(node: Node, statement: Statement, serverNow?: number): string | undefined {
  const remembered = node.memory.load()?.issued;
  const clocks = [
    ["this machine's clock", node.now()],
    ["the image's date", node.built],
    ['the newest decision that this machine knows', remembered],
    ["the server's clock", serverNow],
  ] as const;
  const judge = clocks.find(([, time]) => time !== undefined && isExpired(statement, [time]));
  return judge && `${judge[0]}, ${formatTime(judge[1]!)}`;
}

/**
 * Opens a bundle that was made for this machine.
 * @throws bad_node_id if it was made for another; and as `openBundle`
 */
export function openOwn(node: Node, sealed: SealedBundle): Manifest {
  const manifest = openBundle(sealed, node.identity);
  const { signKey, boxKey } = manifest.node;
  if (!equalBytes(signKey, node.identity.signKey) || !equalBytes(boxKey, node.identity.boxKey)) {
    throw fail('bad_node_id', 'this bundle was made for another machine');
  }
  return manifest;
}
