import type { FileEntry, Metadata } from '../../../bundle/manifest.ts';
import type { AnswerName, Answers } from '../cmdline/answers.ts';
import { checkTogether, missingAnswers } from '../cmdline/together.ts';
import { readNames } from '../../apply/accounts.ts';
import { fail } from '../../../protocol/errors.ts';
import { accountEntries } from './passwords.ts';
import { keptAnswers } from './kept-answers.ts';
import type { Layout } from './layout.ts';
import { networkManagerFiles } from './network-manager-files.ts';
import { addressed, planNetwork } from './network-files.ts';
import type { BootDevice } from './network-files.ts';
import { networkdFiles } from './networkd-files.ts';
import { PRIVATE, TEMPLATES } from './templates.ts';

/** What autoinstall made. */
export interface Made {
  /** All owned by root */
  readonly files: readonly FileEntry[];
  /** Host name, swap, units, and the answers but the secrets; who made it and when is the caller's */
  readonly metadata: Metadata;
  /** Answers that this image has no use for: to be told, not to be hidden */
  readonly unmet: readonly AnswerName[];
}

const MANAGER = 'NetworkManager.service';
const NETWORKD = 'systemd-networkd.service';

/**
 * The configuration that the answers ask for, as files for this image. The same answers on the same
 * image make the same bytes.
 *
 * @param bootDevice the interface that was booted over; with its address where `BOOTIF=` was one
 * @param nameOf the interface with a MAC address, where the address is for another than that
 * @throws bad_argument if answers are missing (`missingAnswers`) or contradict one another
 */
export function makeFiles(
  answers: Answers,
  layout: Layout,
  bootDevice: BootDevice,
  nameOf?: (mac: string) => string | undefined,
): Made {
  const missing = missingAnswers(answers);
  if (missing.length > 0) throw fail('bad_argument', `${missing.join(', ')}: not given`);
  checkTogether(answers);
  const texts: Record<string, string> = {};
  const enable: string[] = [];
  const disable: string[] = [];
  const restart: Record<string, readonly string[]> = {};
  const unmet: AnswerName[] = [];
  const add = (files: Readonly<Record<string, string>>, units: readonly string[] = []): void => {
    for (const [path, text] of Object.entries(files)) {
      texts[path] = text;
      if (units.length > 0) restart[path] = units;
    }
  };

  const plan = planNetwork(answers, bootDevice, nameOf);
  if (layout.has.has(MANAGER)) {
    add(networkManagerFiles(plan), [MANAGER]);
    enable.push(MANAGER);
  } else if (layout.has.has(NETWORKD)) {
    add(networkdFiles(plan), [NETWORKD]);
    enable.push(NETWORKD);
    // Nobody else makes it there.
    if (plan.dns.length > 0 && !layout.has.has('systemd-resolved.service')) {
      add({
        'etc/resolv.conf': plan.dns
          .map((server) => `nameserver ${zoned(server, addressed(plan))}\n`)
          .join(''),
      });
    }
  } else {
    unmet.push('ip');
  }

  const groups = readNames(layout.accounts['etc/group'] ?? '');
  const setting = {
    device: addressed(plan),
    hasGroup: (name: string) => groups.idOf(name) !== undefined,
  };
  for (const answer of new Set(TEMPLATES.map((template) => template.answer))) {
    const value = answers[answer];
    if (value === undefined) continue;
    const template = TEMPLATES.find(
      ({ answer: of, needs, fits }) =>
        of === answer &&
        (needs === undefined || layout.has.has(needs)) &&
        (fits === undefined || fits(value)),
    );
    if (template === undefined) {
      unmet.push(answer);
      continue;
    }
    const made: Record<string, string> = {};
    for (const [path, text] of Object.entries(template.files)) made[path] = text(value, setting);
    const readers = template.restart?.filter((unit) => layout.has.has(unit)) ?? [];
    add(made, readers);
    if (template.isWanted) enable.push(...readers);
    disable.push(...(template.disable ?? []));
  }

  add(accountEntries(answers, layout.accounts));
  add(engineFile(answers));
  const shadowGroup = groups.idOf('shadow');
  const files = Object.entries(texts).map(([path, text]) => fileEntry(path, text, shadowGroup));
  const { hostname, swap } = answers;
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    metadata: {
      ...(hostname !== undefined && { hostname }),
      ...(swap !== undefined && { swap }),
      enable,
      disable,
      restart,
      answers: keptAnswers(answers),
    },
    unmet,
  };
}

/** A resolver of the link is none without its link. */
const zoned = (server: string, device: string): string =>
  /^fe[89ab][^%]*$/.test(server) ? `${server}%${device}` : server;

/** Where the machine's engine is, for what makes it available there (docs/node.md). */
function engineFile(answers: Answers): Record<string, string> {
  const { management_server: server, management_server_fingerprint: fingerprint } = answers;
  if (server === undefined) return {};
  const port = Number(answers.management_port ?? 443);
  const engine = { server, port, ...(fingerprint !== undefined && { fingerprint }) };
  return { 'etc/coatcheck/engine.json': `${JSON.stringify(engine, undefined, 2)}\n` };
}

/** @param shadowGroup the group that may read the passwords, where the image has one */
function fileEntry(path: string, text: string, shadowGroup: number | undefined): FileEntry {
  const mode = PRIVATE.test(path) ? 0o600 : 0o644;
  // One byte for each character, as the accounts were read.
  const content = new Uint8Array(Buffer.from(text, 'latin1'));
  const file = { path, mode, owner: 'root', uid: 0, group: 'root', gid: 0, content };
  if (path !== 'etc/shadow' || shadowGroup === undefined) return file;
  return { ...file, mode: 0o640, group: 'shadow', gid: shadowGroup };
}
