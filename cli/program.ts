import { Command, Option } from 'commander';
import { VERSION } from '../functions/version.ts';
import { approve } from './commands/approve.ts';
import type { ApproveOptions } from './commands/approve.ts';
import { exportFiles } from './commands/bundle-export.ts';
import { inspect, verify } from './commands/bundle.ts';
import { reconfigure, reject, revoke, rollback } from './commands/decisions.ts';
import { doctor } from './commands/doctor.ts';
import { init } from './commands/init.ts';
import type { InitOptions } from './commands/init.ts';
import { diff } from './commands/diff.ts';
import { history } from './commands/history.ts';
import { list } from './commands/list.ts';
import { pending } from './commands/pending.ts';
import { repair } from './commands/repair.ts';
import { serve } from './commands/serve.ts';
import type { ServeFlags } from './commands/serve.ts';
import { show } from './commands/show.ts';
import type { Context } from './context.ts';
import { homeAt } from './home.ts';
import type { StoreFlags } from '../functions/serve/store-options.ts';
import { createTerminal } from './terminal.ts';
import type { Streams } from './terminal.ts';

interface GlobalOptions {
  readonly home: string;
  readonly server?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** The whole command line: docs/config.md lists it, and a test holds the two together. */
export function createProgram(streams: Streams): Command {
  const program = new Command('coatcheck')
    // Before the commands are added: they inherit it.
    .exitOverride()
    .configureOutput({
      outputError: () => undefined,
      // The help that stands for a missing command would not be JSON.
      writeErr: (text) => {
        if (program.opts<GlobalOptions>().json !== true) streams.stderr.write(text);
      },
    })
    .description('Configuration of machines without a disk: propose, approve, serve')
    .version(VERSION, '--version', 'print the version')
    .addOption(
      new Option('--home <folder>', "the administrator's folder of one site")
        .env('COATCHECK_HOME')
        .default('coatcheck-site'),
    )
    .addOption(
      new Option('--server <url>', 'the server to ask; default: the first that the site names').env(
        'COATCHECK_SERVER',
      ),
    )
    .option('--passphrase-file <file>', 'read the passphrase of the admin key from a 0600 file')
    .option('--json', 'print one JSON document on stdout');

  /** Arguments and options are what commander makes of the texts above each use. */
  const run = (
    command: Command,
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    work: (context: Context, ...args: any[]) => Promise<void>,
  ): Command =>
    command.action(async (...args: unknown[]) => {
      const given = program.opts<GlobalOptions>();
      const context: Context = {
        terminal: createTerminal(streams, { json: given.json === true }),
        home: homeAt(given.home),
        env: streams.env,
        server: given.server,
        passphraseFile: given.passphraseFile,
      };
      // commander appends the command itself
      await work(context, ...args.slice(0, -1));
    });

  const command = (usage: string, description: string): Command =>
    program.command(usage).description(description);
  const withStore = (c: Command): Command =>
    c
      .option('--store <place>', 'a folder, or s3://BUCKET; default: the folder store in --home')
      .option('--endpoint <url>', 'of an S3 server other than AWS, as this machine reaches it')
      .option('--public-endpoint <url>', 'the same server as nodes reach it; default: --endpoint')
      .option('--region <name>', 'of the bucket', 'us-east-1')
      .option('--credentials <file>', 'the three S3 key pairs, a 0600 file; needed for s3://');
  const withDiff = (c: Command): Command =>
    c
      .option('--show-secrets', 'show what is masked otherwise')
      .option('--stat', 'name the files that change, and not their contents');
  const withYes = (c: Command): Command =>
    c
      .option('--yes', 'sign without asking')
      .option('--despite-memory', 'with --yes, although the store shows less than was seen before');
  const withReason = (c: Command): Command =>
    c.option('--reason <text>', 'signed with the decision; up to 200 bytes');

  run(
    command('init', "make a site: its id, the first administrator's key, keyset 1")
      .option('--name <name>', 'of the site, for people', 'lab')
      .option('--admin-name <name>', 'of the first administrator; default: user@host')
      .option('--approval <policy>', 'required, or none: nodes decide for themselves', 'required')
      .option('--ca <file>', 'PEM certificates: who vouches for server and store, and nobody else')
      .option('--no-passphrase', 'keep the admin key in the clear'),
    (context, options: InitOptions) => init(context, options),
  );
  run(
    withStore(command('serve', 'run the server on this machine'))
      .option('--host <address>', 'to listen on', '127.0.0.1')
      .option('--port <number>', 'to listen on; 0 for a free one', '8420')
      .option('--public-url <url>', 'how nodes reach this server; default: where it listens')
      .option('--token-file <file>', 'enrolment token that new nodes must send, a 0600 file'),
    (context, options: ServeFlags) => serve(context, options),
  );
  run(
    withStore(command('doctor', 'probe the store, and what each credential can do')),
    (context, options: StoreFlags) => doctor(context, options),
  );
  run(command('pending', 'what waits for a decision'), (context) => pending(context));
  run(command('list', 'the nodes, and what is in force for each'), (context) => list(context));
  run(
    command('show <node|digest>', 'what is in a bundle, who decided, the last report'),
    (context, text: string) => show(context, text),
  );
  run(
    withDiff(command('diff <node> [digest]', 'what a proposal would change')),
    (context, node: string, digest: string | undefined, options: object) =>
      diff(context, node, digest, options),
  );
  run(
    withYes(
      withReason(
        withDiff(command('approve <node> [digest]', 'look at a proposal and put it in force')),
      ),
    )
      .option('--expires <when>', 'until when it is good: 30d, 12h, 2027-01-31')
      .addOption(
        new Option('--rebase', 'apply its changes to what is in force now').conflicts('anyway'),
      )
      .option('--anyway', 'approve it although it was made before what is in force now'),
    (context, node: string, digest: string | undefined, options: ApproveOptions) =>
      approve(context, node, digest, options),
  );
  run(
    withYes(command('reject <node> <digest>', 'refuse a proposal')).requiredOption(
      '--reason <text>',
      'told to the node; up to 200 bytes',
    ),
    (context, node: string, digest: string, options: { reason: string }) =>
      reject(context, node, digest, options),
  );
  run(command('history <node>', 'every decision about a node, verified'), (context, node: string) =>
    history(context, node),
  );
  run(
    withYes(
      withReason(
        withDiff(
          command('rollback <node> <slot>', 'put in force again what a slot of the history did'),
        ),
      ),
    ),
    (context, node: string, slot: string, options: object) =>
      rollback(context, node, slot, options),
  );
  run(
    withYes(
      withReason(
        command('reconfigure <node>', 'have the node make a new proposal at its next boot'),
      ),
    ),
    (context, node: string, options: object) => reconfigure(context, node, options),
  );
  run(
    withYes(command('revoke <node>', 'have the node apply nothing any more')).requiredOption(
      '--reason <text>',
      'shown on its console; up to 200 bytes',
    ),
    (context, node: string, options: { reason: string }) => revoke(context, node, options),
  );
  run(
    command('repair [node]', 'do again what a decision left undone'),
    (context, node: string | undefined) => repair(context, node),
  );

  const bundle = program.command('bundle').description('look at a sealed file, offline');
  run(
    bundle.command('inspect <file>').description('what anybody can see of it'),
    (context, file: string) => inspect(context, file),
  );
  run(
    bundle.command('verify <file>').description('its signatures, against the site in --home'),
    (context, file: string) => verify(context, file),
  );
  run(
    bundle
      .command('export <file> <folder>')
      .description('write its files into a new or empty folder'),
    (context, file: string, folder: string) => exportFiles(context, file, folder),
  );
  return program;
}
