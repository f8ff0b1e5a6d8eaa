import { showPath } from './errors.ts';
import { metadataFromEntries, metadataToEntries } from './metadata.ts';
import type { ListName, Metadata, MetadataEntry } from './metadata.ts';

/**
 * What a machine would do because of a bundle's metadata: name to value. The names are those of the
 * format (`hostname`, `swap`, `restart:<path>`, `answer:<name>`), but that each word of a list is a
 * setting of its own: `unit:<name>`, whose value is the lists that have it (`enable`, `enable mask`),
 * `alias:<name>`, whose value is the unit, and `wants:<link>`.
 */
export type Settings = ReadonlyMap<string, string>;

/** When, by what, on which image, from which key and since when a bundle was made changes nothing. */
const CIRCUMSTANCES = [
  'madeAt',
  'madeBy',
  'keySource',
  'pcrKey',
  'succeeds',
  'image',
  'baseline',
  'paths',
  'fresh',
  'left',
  'attestation',
  'endorsement',
  'activation',
] as const;
const isCircumstance = (name: string): boolean =>
  (CIRCUMSTANCES as readonly string[]).includes(name.replace(/:.*/s, ''));

/** How a word of a list is a setting. */
interface Row {
  /** In front of the colon of its name */
  readonly kind: string;
  /** Behind it, and the value */
  readonly setting: (word: string) => readonly [subject: string, value: string];
}
/** What a unit is to be is one setting: to enable and to mask it contradict each other. */
const unitIn = (list: ListName): Row => ({ kind: 'unit', setting: (unit) => [unit, list] });
const ROWS: Readonly<Record<ListName, Row>> = {
  disable: unitIn('disable'),
  enable: unitIn('enable'),
  mask: unitIn('mask'),
  alias: { kind: 'alias', setting: (word) => word.split('=') as [string, string] },
  wants: { kind: 'wants', setting: (link) => [link, 'link'] },
};
/** By kind, the list and the word that a setting comes from. */
const WORDS: Readonly<Record<string, (subject: string, value: string) => readonly string[]>> = {
  unit: (unit, list) => [list, unit],
  alias: (name, unit) => ['alias', `${name}=${unit}`],
  wants: (link) => ['wants', link],
};

/** The settings of a bundle; whatever else the metadata gain is one. @throws bad_metadata, bad_path */
export function settingsOf(metadata: Metadata): Settings {
  const settings = new Map<string, string>();
  for (const [name, text] of metadataToEntries(metadata)) {
    if (isCircumstance(name)) continue;
    if (!Object.hasOwn(ROWS, name)) settings.set(name, text);
    else {
      const { kind, setting } = ROWS[name as ListName];
      for (const word of text.split(' ')) {
        const [subject, value] = setting(word);
        const before = settings.get(`${kind}:${subject}`);
        settings.set(`${kind}:${subject}`, before === undefined ? value : `${before} ${value}`);
      }
    }
  }
  return settings;
}

/** The name of a setting, with the path in it as it is written wherever it is printed. */
export const showSetting = (name: string): string =>
  name.replace(/^restart:(.*)$/s, (_, path: string) => `restart:${showPath(path)}`);

/** Metadata with these settings, and the circumstances of `of`. */
export function withSettings(settings: Settings, of: Metadata): Metadata {
  const lists = new Map<string, string[]>();
  const entries: MetadataEntry[] = [];
  for (const [name, text] of settings) {
    const [, kind = '', subject = ''] = /^([a-z]+):(.*)$/s.exec(name) ?? [];
    if (!Object.hasOwn(WORDS, kind)) entries.push([name, text]);
    else {
      for (const value of text.split(' ')) {
        const [list, word] = WORDS[kind]!(subject, value) as [string, string];
        lists.set(list, [...(lists.get(list) ?? []), word]);
      }
    }
  }
  for (const [list, words] of lists) entries.push([list, words.sort().join(' ')]);
  const made = metadataToEntries(of).filter(([name]) => isCircumstance(name));
  return metadataFromEntries([...entries, ...made]);
}

/** Whether a machine would do the same because of both. */
export function sameSettings(a: Metadata, b: Metadata): boolean {
  const [old, now] = [settingsOf(a), settingsOf(b)];
  return old.size === now.size && [...old].every(([name, value]) => now.get(name) === value);
}
