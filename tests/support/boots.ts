import { onTestFinished } from 'vitest';
import { find } from '../../agent/boot/boot.ts';
import type { BootOptions, Found } from '../../agent/boot/boot.ts';
import { openNode } from '../../agent/boot/node.ts';
import { createPatience } from '../../agent/boot/patience.ts';
import { createServers } from '../../agent/boot/servers.ts';
import type { Draft } from '../../agent/boot/snapshot.ts';
import { createSource } from '../../agent/boot/source.ts';
import { utf8 } from '../../bundle/bytes.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import type { Lab } from './lab.ts';
import { makeMachine } from './machine.ts';
import type { Machine } from './machine.ts';

/** What somebody answered: a host name. */
export const draftOf = (hostname: string, metadata: Metadata = {}): Draft => ({
  metadata,
  files: [
    {
      ...{ path: 'etc/hostname', mode: 0o644, owner: 'root', uid: 0, group: 'root', gid: 0 },
      content: utf8(`${hostname}\n`),
    },
  ],
});

/** A boot that is under way. */
export interface Booting {
  readonly machine: Machine;
  readonly found: Promise<Found>;
  /** Until it says this, again where it said it before. */
  readonly saw: (text: string) => Promise<void>;
  /** An hour passes. */
  readonly later: () => void;
  /** Ends its patience. */
  readonly end: () => void;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** A boot before the lab's server, or others, that looks again after a few milliseconds. */
export function bootBefore(
  lab: Lab,
  options: Partial<BootOptions>,
  {
    servers = lab.site.servers,
    machine = makeMachine({ ...lab.site, servers }),
  }: { readonly servers?: readonly string[]; readonly machine?: Machine } = {},
): Booting {
  onTestFinished(() => machine.remove());
  let isOver = false;
  let hours = 0;
  let said: string[] = [];
  const console = {
    note: (line: string) => void said.push(line),
    progress: () => undefined,
    part: () => undefined,
    result: () => undefined,
  };
  const now = (): number => Math.floor(Date.now() / 1000);
  const site = machine.path('etc/coatcheck/site.json');
  const node = openNode({ root: machine.root, site }, console, now);
  const asked = createServers(node);
  const patience = createPatience({ sleep: pause, elapsed: () => hours * 3_600_000 });
  const found = find(node, asked, createSource(node, asked), {
    ...{ patience: { ...patience, isOver: () => isOver }, asks: true },
    ...options,
  });
  return {
    machine,
    found,
    async saw(text) {
      while (!said.some((line) => line.includes(text))) await pause();
      said = [];
    },
    later() {
      hours++;
    },
    end: () => void (isOver = true),
  };
}

/** The digest of what waits for a decision about a machine, once something does. */
export async function waitingIn(lab: Lab, { identity }: Machine): Promise<string> {
  for (;;) {
    const { objects } = await lab.admin.list({ prefix: 'pending', node: identity.id });
    if (objects.length > 0) return objects[0]!.key.split('/').at(-1)!;
    await pause();
  }
}
