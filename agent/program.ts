import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { applyFile, bootNow, capture, id, keyMakeFile, proposeNow, status } from './commands.ts';
import type { BootFlags, Context, ProposeFlags, RootFlags } from './commands.ts';
import { createConsole } from './console/console.ts';
import { VERSION } from './version.ts';

interface GlobalOptions {
  readonly root: string;
  readonly site?: string;
  readonly key?: string;
  readonly state?: string;
  readonly server?: string;
  readonly json?: boolean;
}

/** The whole command line: docs/config.md lists it. */
export function createProgram(): Command {
  const program = new Command('coatcheck-agent')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .description("A machine's side of coatcheck: its key, its configuration, its boot")
    .version(VERSION, '--version', 'print the version')
    .option('--root <folder>', "the machine's root folder", '/')
    .option('--site <file>', 'the site that it belongs to; default: etc/coatcheck/site.json there')
    .option('--key <file>', 'its key; default: etc/coatcheck/key there')
    .option('--state <folder>', 'where it remembers; default: var/lib/coatcheck there')
    .option('--server <url>', 'the server to ask; default: those that the site names')
    .option('--json', 'print one JSON document on stdout');

  const context = (): Context => {
    const given = program.opts<GlobalOptions>();
    const { root } = given;
    return {
      places: {
        root,
        site: given.site ?? join(root, 'etc/coatcheck/site.json'),
        key: given.key ?? join(root, 'etc/coatcheck/key'),
        state: given.state,
      },
      server: given.server,
      console: createConsole({ json: given.json === true }),
      now: () => Math.floor(Date.now() / 1000),
    };
  };
  const command = (usage: string, description: string): Command =>
    program.command(usage).description(description);
  const takeOver = [
    '--take-over',
    "although the root holds another machine's configuration",
  ] as const;
  const tokenFile = [
    '--token-file <file>',
    'an enrolment token, where the site asks for one',
  ] as const;

  command('id', 'print the id of this machine')
    .option('--public', 'and its two public keys')
    .action((options: { public?: boolean }) => id(context(), options));
  program
    .command('key')
    .description('make a key')
    .command('make')
    .description('make a key')
    .command('file <path>')
    .description('in a new file that only its owner can read')
    .action((path: string) => keyMakeFile(context(), path));
  command('capture', 'show what this machine would propose').action(() => capture(context()));
  command('propose', 'propose the configuration of this machine, as it is now')
    .option('--after <digest>', 'although this proposal was refused')
    .option(...tokenFile)
    .option(...takeOver)
    .action((options: ProposeFlags) => proposeNow(context(), options));
  command('boot', 'fetch what is approved and apply it; propose and wait where nothing is')
    .option('--no-propose', 'where nothing is approved, wait only')
    .option('--once', 'do not wait')
    .option('--wait <seconds>', 'wait so long at most; default: for ever', parseSeconds)
    .option(...tokenFile)
    .option(...takeOver)
    .action((options: BootFlags) => bootNow(context(), options));
  command('apply <file>', 'verify and apply a copy of an approved configuration')
    .option(...takeOver)
    .action((path: string, options: RootFlags) => applyFile(context(), path, options));
  command('status', 'what is applied, what changed since, what is remembered').action(() =>
    status(context()),
  );
  return program;
}

function parseSeconds(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('it is a number of seconds');
  return Number(text);
}
