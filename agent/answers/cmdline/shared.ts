import { resolver } from './addresses.ts';
import { ANSWERS } from './answers.ts';
import type { AnswerName } from './answers.ts';
import { bootInterface } from './interface-arguments.ts';
import { readNetworks } from './networks.ts';
import type { Shared } from './networks.ts';
import { lastOf, place, valued } from './split.ts';
import type { Word, Words } from './split.ts';
import { MAX_LISTED } from './value-kind.ts';

/*
 * Arguments whose names are not ours alone: the kernel, dracut and boot loaders have them too. A form
 * that those document is taken, or what it has that nobody here can use is named; it stops no boot.
 */

/** Answers that are made of more than the last word of their name, or spelled otherwise elsewhere. */
const SHARED: readonly AnswerName[] = ['BOOTIF', 'bond', 'ip', 'netconsole', 'vlan'];

/** Whether others read an argument of this name as well: the kernel, dracut. */
export const isShared = (name: AnswerName): boolean => SHARED.includes(name);

/** What a command line says in words that the kernel, dracut and boot loaders read, too. */
export function readShared(words: Words): Shared {
  const bootif = readBootif(words);
  const networks = readNetworks(
    bootif.given.length > 0 ? words : new Map([...words].filter(([name]) => name !== 'BOOTIF')),
  );
  const all = [bootif, networks, readNetconsole(words), readNameservers(words)];
  return {
    given: all.flatMap(({ given }) => given),
    notes: [...all.flatMap(({ notes }) => notes), ...notesOfOthers(words)],
  };
}

const NOTHING: Shared = { given: [], notes: [] };

const noted = (name: string, word: Word, what: string): Shared => ({
  given: [],
  notes: [`${name}=${place(word)}: ${what}`],
});

/** pxelinux puts the hardware type (ARP's) before the address; InfiniBand has an address of 20 bytes. */
function readBootif(words: Words): Shared {
  const word = valued(words, 'BOOTIF').at(-1);
  if (word === undefined) return NOTHING;
  const text = word.value!;
  const first = 'the first interface with link is taken';
  if (lastOf(words, 'rd.bootif') === '0') {
    return noted('BOOTIF', word, `left out, since rd.bootif=0 says so: ${first}`);
  }
  if (/^[0-9a-f]{2}([-:][0-9a-f]{2}){7,}$/i.test(text)) {
    const what = text.startsWith('20') ? 'of InfiniBand' : 'that is not of Ethernet';
    return noted('BOOTIF', word, `an address ${what} is left out: ${first}`);
  }
  if (/^[0-9a-f]{2}[-:]*$/i.test(text)) {
    return noted('BOOTIF', word, `it has no address, and is left out: ${first}`);
  }
  if (bootInterface.canonical(text) === undefined) {
    const what = JSON.stringify(text);
    return noted('BOOTIF', word, `${what} is no interface, and is left out: ${first}`);
  }
  return { given: [{ answer: 'BOOTIF', text, word }], notes: [] };
}

/** Also the kernel's own, `[+][port]@[address]/[device],[port]@<address>/[mac]` (netconsole.rst). */
function readNetconsole(words: Words): Shared {
  const word = valued(words, 'netconsole').at(-1);
  if (word === undefined) return NOTHING;
  if (!word.value!.includes('@'))
    return { given: [{ answer: 'netconsole', text: word.value!, word }], notes: [] };
  return noted('netconsole', word, 'it is for the kernel itself, and is left to it');
}

/** dracut's `nameserver=`, which may be there several times: `dns=` goes before it. */
function readNameservers(words: Words): Shared {
  const given = valued(words, 'nameserver');
  const word = given.at(-1);
  if (word === undefined) return NOTHING;
  if (lastOf(words, 'dns') !== undefined) {
    return noted('nameserver', word, 'left out, since dns= says which');
  }
  // One each by its documentation; lists are met all the same.
  const texts = given
    .flatMap(({ value }) => value!.split(','))
    .map((text) => text.replace(/^\[(.*)\]$/, '$1'));
  const servers = new Set(texts.flatMap((text) => resolver.canonical(text) ?? []));
  const taken = [...servers].slice(0, MAX_LISTED);
  const left = [
    ...texts.filter((text) => !servers.has(resolver.canonical(text)!)),
    ...[...servers].slice(MAX_LISTED),
  ];
  return {
    given: taken.length === 0 ? [] : [{ answer: 'dns', text: taken.join(','), word }],
    notes:
      left.length === 0
        ? []
        : noted(
            'nameserver',
            word,
            `left out: ${left.map((text) => JSON.stringify(text)).join(', ')}`,
          ).notes,
  };
}

/** What dracut and its like make a network of, and nobody here does (dracut.cmdline(7), nm-initrd-generator(8)). */
const OTHERS = [
  ...['bridge', 'team', 'rd.route', 'rd.peerdns', 'rd.ethtool', 'rd.znet', 'ib.pkey'],
  ...['mtu', 'ksdevice', 'ip6'],
];

/** One sentence: they are in many a command line, and each is somebody's. */
function notesOfOthers(words: Words): string[] {
  const found = [...words.keys()].filter(
    (name) => OTHERS.includes(name) || /^rd\.net\./.test(name),
  );
  if (found.length === 0) return [];
  const names = found.map((name) => `${name}= (character ${words.get(name)!.at(-1)!.position})`);
  return [`the configuration of this machine has nothing of ${names.join(', ')}`];
}

/** Where words of one answer differ the last counts, and the others are named. */
export function notesOfSeveral(words: Words, given: Shared['given']): string[] {
  return ANSWERS.flatMap(({ name, isSecret }) => {
    const said = valued(words, name);
    const word = said.at(-1);
    if (word === undefined || ['ip', 'bond', 'vlan'].includes(name)) return [];
    const texts = [
      ...said.map(({ value }) => value!),
      ...given
        .filter(({ answer, word: of }) => answer === name && !said.includes(of))
        .map(({ text }) => text),
    ];
    const others = new Set(
      texts.filter((text) => text.toLowerCase() !== word.value!.toLowerCase()),
    );
    if (others.size === 0) return [];
    const what = isSecret
      ? 'the others'
      : [...others].map((text) => JSON.stringify(text)).join(', ');
    return [`${name}=${place(word)} counts, and not ${what}`];
  });
}
