import { settingsOf, withSettings } from '../../bundle/settings.ts';
import type { Settings } from '../../bundle/settings.ts';
import type { Metadata } from '../../bundle/manifest.ts';
import { activate } from '../systemd/activate.ts';
import type { ActivateInput, Activated } from '../systemd/activate.ts';
import { changeActivationRecord, readActivationRecord } from '../systemd/activation-record.ts';
import type { ActivationRecord } from '../systemd/activation-record.ts';
import { captureSettings } from '../systemd/captured-settings.ts';
import { withRoot } from '../tree/folder.ts';
import type { Folder } from '../tree/folder.ts';
import { readBaseline } from './baseline.ts';
import type { Baseline } from './baseline.ts';

/**
 * Makes what was applied take effect, and notes which settings the machine's links show then: what they
 * show otherwise later, somebody changed on the machine (`mergeSettings`).
 * @throws as `activate`
 */
export async function takeEffect(input: ActivateInput): Promise<Activated> {
  const { rootPath, statement } = input;
  const links = withRoot(rootPath, linksOfImage);
  const before = withRoot(rootPath, (root) => shownSettings(root, links));
  const activated = await activate(input);
  withRoot(rootPath, (root) => {
    const after = shownSettings(root, links);
    changeActivationRecord(root, (record) =>
      record.shown?.statement === statement
        ? record
        : { ...record, shown: { statement, settings: noted(before, after, record.shown) } },
    );
  });
  return activated;
}

/** What the machine had changed before, and this configuration did not touch, it has still changed. */
function noted(
  before: Settings,
  after: Settings,
  known: ActivationRecord['shown'],
): Readonly<Record<string, string>> {
  const old = known && new Map(Object.entries(known.settings));
  const names = new Set([...after.keys(), ...(old?.keys() ?? [])]);
  const isOwn = (name: string): boolean =>
    old !== undefined && before.get(name) !== old.get(name) && before.get(name) === after.get(name);
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = (isOwn(name) ? old! : after).get(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** The links that the image ships; undefined where nobody recorded them. */
function linksOfImage(root: Folder): Baseline['links'] | undefined {
  const look = readBaseline(root);
  return look.state === 'found' ? look.baseline.links : undefined;
}

const shownSettings = (root: Folder, links: Baseline['links'] | undefined): Settings =>
  settingsOf(captureSettings(root, links).metadata);

/**
 * The settings of a bundle, but for those that the links of a machine show otherwise than when its
 * configuration had taken effect: these are as the machine has them. A unit of which nothing is left
 * is disabled, whatever an image does with it. Where nothing was noted, the bundle's.
 * @throws file_malformed
 */
export function mergeSettings(rootPath: string, inForce: Metadata): Metadata {
  return withRoot(rootPath, (root) => {
    const { shown } = readActivationRecord(root);
    if (shown === undefined) return inForce;
    const base = new Map(Object.entries(shown.settings));
    const now = shownSettings(root, linksOfImage(root));
    const settings = new Map(settingsOf(inForce));
    for (const name of new Set([...base.keys(), ...now.keys()])) {
      const value = now.get(name);
      if (value === base.get(name)) continue;
      if (value !== undefined) settings.set(name, value);
      else if (isUnit(name) && base.get(name) !== 'disable') settings.set(name, 'disable');
      else settings.delete(name);
    }
    return withSettings(settings, inForce);
  });
}

const isUnit = (name: string): boolean => name.startsWith('unit:');
