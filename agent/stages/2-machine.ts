import type { Orders } from '../answers/cmdline/orders.ts';
import type { Invocation } from '../boot/invocation.ts';
import type { Node } from '../boot/node.ts';
import { openOwnNode } from '../boot/own-node.ts';
import { adjustClock } from '../network/clock/adjust.ts';
import { tellTpm } from '../boot/attesting.ts';
import { tellWords } from '../boot/wait-notes.ts';
import { until } from '../network/until.ts';
import type { Sleep } from '../network/until.ts';
import { hasCode } from '../../protocol/errors.ts';
import { readImage } from '../tree/image.ts';

/**
 * Stage 2 of docs/node.md: the machine, with its key and memory, on a clock that says at least the
 * image's date.
 * @throws as {@link openOrderedNode}
 */
export async function openMachine(
  invocation: Invocation,
  orders: Pick<Orders, 'key' | 'memory'>,
  options: { readonly takeOver: boolean },
): Promise<Node> {
  const node = await whenPluggedIn(invocation, orders, () =>
    openOrderedNode(invocation, orders, options),
  );
  tellWords(node.console, node.identity.id);
  tellTpm(node);
  if (node.former !== undefined) {
    node.console.note(
      `it was machine ${node.former.id} by the site's PCR key before: coatcheck transfer --successors gives it what that one had`,
    );
  }
  const { fault } = readImage(node.rootPath);
  if (fault !== undefined) {
    node.console.note(
      `${fault}: this image does not say when it was made, so no clock is set by that, nor by a server that speaks TLS`,
    );
  }
  await adjustClock({ console: node.console, built: node.built });
  return node;
}

/** How long a stick, a TPM or its driver is waited for before this try ends; systemd begins another. */
const DEVICE_SECONDS = 60;

/** What may be there later than the agent: of the rest, what is not there will not be. */
const PLUGGED: readonly string[] = ['usb', 'tpm', 'stick'];

/** What `open` gives, once the device that holds the machine's key or memory is there. @throws as `open` */
export async function whenPluggedIn<T>(
  { places, console }: Pick<Invocation, 'places' | 'console'>,
  orders: Pick<Orders, 'key' | 'memory'>,
  open: () => T,
  { seconds = DEVICE_SECONDS, sleep }: { readonly seconds?: number; readonly sleep?: Sleep } = {},
): Promise<T> {
  const { key = orders.key, memory = orders.memory } = places;
  console.note(`its key: ${key?.from ?? 'of its root'}; its memory: ${memory ?? 'file'}`);
  const isPlugged = [key?.from, memory].some((what) => PLUGGED.includes(what ?? ''));
  let isTold = false;
  const opened = await until(
    () => {
      try {
        return { node: open() };
      } catch (error) {
        if (!hasCode(error, 'device_missing')) throw error;
        if (!isTold && isPlugged)
          console.note(`${(error as Error).message}: waiting for it, ${seconds} s at most`);
        isTold = true;
        return undefined;
      }
    },
    isPlugged ? seconds : 0,
    sleep,
  );
  return opened === undefined ? open() : opened.node;
}

/**
 * The machine, by the agent's options, and where they say nothing by the kernel's command line. The
 * clock is left alone.
 * @throws as `openOwnNode`
 */
export function openOrderedNode(
  invocation: Invocation,
  orders: Pick<Orders, 'key' | 'memory'>,
  options: { readonly takeOver: boolean },
): Node {
  const { places } = invocation;
  const { key = orders.key, memory = orders.memory } = places;
  return openOwnNode({ ...invocation, places: { ...places, key, memory } }, options);
}
