import { PROGRAM as AGENT } from '../agent/program.ts';
import { PROGRAM as CLI } from '../cli/program.ts';
import { manPage } from './man.ts';
import type { ManPage } from './man.ts';

/** Of the last change of what is written here. */
const date = 'November 29, 2026';

const exits: ManPage['exits'] = {
  ok: 'Done.',
  internal: 'A bug of ours: please report it.',
  usage: 'Wrong arguments, or a missing, unsafe or malformed local file.',
  refused: 'An object or a signature does not verify.',
  conflict: 'Someone else was quicker, or the base is stale: look again.',
  notFound: 'There is no such thing.',
  denied: 'Not your key, or a wrong passphrase.',
  unavailable: 'The server, the store or the network.',
  waiting: 'Nothing is approved yet, or it was rejected or revoked.',
  failed: 'A check, a probe or a step failed.',
  doubtful: 'The store contradicts what coatcheck remembers, and nobody can be asked.',
  declined: 'A person was asked, and said no.',
  partial: 'A configuration is applied, but for files of a container that stay as they are.',
  undersigned: 'Signed, and other administrators have to sign it too.',
  interrupted: 'Ctrl-C or SIGTERM, also at a question: nothing is half-written.',
};

const LINES =
  'Options may stand anywhere on the line, as --name value or --name=value. Behind -- there are none. Results are printed on the standard output, hints, warnings and errors on the standard error.';

/** The manuals of the two programs, by path. */
export const manPages = (): Record<string, string> => ({
  'docs/man/coatcheck.1': manPage(CLI, {
    ...{ date, exits },
    description: [
      'A config store on object storage for machines without a disk. Machines seal what they propose, an administrator looks at it and signs, and nobody else can read it.',
      LINES,
    ],
    environment: [
      ['COATCHECK_HOME', 'As --home.'],
      ['COATCHECK_SERVER', 'As --server.'],
      ['COATCHECK_PASSPHRASE', 'The passphrase of the admin key. Prefer --passphrase-file.'],
      ['COATCHECK_PASSPHRASE_COMMAND', 'As --passphrase-command.'],
      ['XDG_RUNTIME_DIR', 'Where the socket of a key that is unlocked is.'],
      ['NO_COLOR', 'Any value that is not empty: no colours.'],
    ],
    files: [
      ['coatcheck-site/site.json', 'The public part of the site.'],
      ['coatcheck-site/admin.key', "The administrator's key, sealed under a passphrase."],
      ['coatcheck-site/memory.json', 'The newest decisions seen.'],
      ['coatcheck-site/store/', 'The folder store.'],
    ],
    seeAlso: 'coatcheck-agent(1)',
  }),
  'docs/man/coatcheck-agent.1': manPage(AGENT, {
    ...{ date, exits },
    description: [
      'Runs on a machine without a disk: makes its key, proposes a configuration, waits for an approval, verifies it and applies it.',
      LINES,
    ],
    environment: [
      ['COATCHECK_NODE', 'Given to the executables of ready.d: the id of the machine.'],
      ['COATCHECK_STATEMENT', 'Given to them: the digest of the decision that is applied.'],
      ['COATCHECK_SEQ', 'Given to them: its number, 0 where nobody approved it.'],
      ['COATCHECK_APPROVED', 'Given to them: yes or no.'],
    ],
    files: [
      ['/etc/coatcheck/site.json', 'The site that the machine belongs to.'],
      ['/etc/coatcheck/key', 'Its key, where no other source is named.'],
      ['/var/lib/coatcheck/', 'What is applied, and what is remembered.'],
      ['/run/coatcheck/', 'What ends with this boot.'],
    ],
    seeAlso: 'coatcheck(1), systemd.service(5), bootparam(7)',
  }),
});
