import { CoatcheckError } from '../../bundle/errors.ts';
import { maxFrameBytes } from '../../bundle/frame.ts';
import { fail } from '../../protocol/errors.ts';
import { approvedKey } from '../../protocol/keys.ts';
import { leavingAlone } from '../../protocol/leave-alone.ts';
import { getObject } from '../../protocol/objects.ts';
import type { Fetch } from '../../protocol/objects.ts';
import { readOnKeyStick } from '../identity/keys/usb.ts';
import type { Node } from './node.ts';
import { decisionFromCopy } from './source.ts';
import type { Look, Source } from './source.ts';

/** A place that may have a copy of what is approved: it is believed no more than a server. */
export interface Mirror {
  /** For messages: the whole address that is asked, or `usb` */
  readonly name: string;
  /**
   * The copy of this machine's approved object.
   * @throws where there is none, or it cannot be had
   */
  read(): Promise<Uint8Array>;
}

const TIMEOUT_SECONDS = 20;

/**
 * A mirror on a web server: a copy of the bucket's `approved/` below `url`, as `aws s3 sync` or
 * `mc mirror` make one.
 */
export function webMirror(
  node: Node,
  url: string,
  fetch: Fetch,
  left = leavingAlone(false),
): Mirror {
  const maxBytes = maxFrameBytes(node.site.maxBundleBytes);
  const at = `${url.replace(/\/*$/, '')}/${approvedKey(node.identity.id)}`;
  return {
    name: at,
    async read() {
      const asking = { maxBytes, timeoutSeconds: TIMEOUT_SECONDS, fetch };
      const got = await left.read(at, () => getObject(at, asking));
      if (!got.found) throw fail('not_found', 'it is not there');
      return got.body;
    },
  };
}

/**
 * The same on the stick that carries the key, below its top folder.
 * @param filesystems as for `readUsbKey`
 */
export function usbMirror(node: Node, filesystems?: Readonly<Record<string, string>>): Mirror {
  const maxBytes = maxFrameBytes(node.site.maxBundleBytes);
  const path = approvedKey(node.identity.id);
  return {
    name: 'usb',
    read: async () => Promise.resolve(readOnKeyStick(path, maxBytes, filesystems)),
  };
}

/**
 * A source that looks into the mirrors where the servers fail, in their order. "Nothing there" is
 * never believed of a mirror, and what one of them has is verified like anything else. What a mirror
 * showed is said when it is another thing than at the look before.
 */
export function withMirrors(source: Source, node: Node, mirrors: readonly Mirror[]): Source {
  const told = new Map<Mirror, string>();
  const tell = (mirror: Mirror, line: string): void => {
    if (told.get(mirror) !== line) node.console.note(line);
    told.set(mirror, line);
  };
  return {
    ...source,
    async inForce(waiting) {
      const look = await source.inForce(waiting);
      if (look.state !== 'failed') return look;
      for (const mirror of mirrors) {
        const copy = await lookInto(mirror, node, (line) => tell(mirror, line));
        if (copy !== undefined) return copy;
      }
      return look;
    },
  };
}

async function lookInto(
  mirror: Mirror,
  node: Node,
  note: (line: string) => void,
): Promise<Look | undefined> {
  try {
    const decision = decisionFromCopy(node, await mirror.read());
    note(
      `no server gives anything good: taking decision ${decision.frame.statement.seq} from ${mirror.name}`,
    );
    return { state: 'found', decision };
  } catch (error) {
    if (!(error instanceof CoatcheckError)) throw error;
    note(`the mirror ${mirror.name}: ${error.message} [${error.code}]`);
    return undefined;
  }
}
