import { join } from 'node:path';
import { fail } from '../protocol/errors.ts';
import { applyFile, bootNow, capture, proposeNow, status } from './commands/commands.ts';
import type { Context } from './commands/commands.ts';
import { createConsole } from './console/console.ts';
import { refreshNow } from './commands/refresh.ts';
import { start } from './stages/start.ts';
import { id, keyMakeCredential, keyMakeFile, keyMakeImage, keyMakeUsb } from './commands/keys.ts';
import { parseKeySource } from './identity/keys/source.ts';
import { isMemoryKind, MEMORY_KINDS } from './identity/memory/kind.ts';
import { network } from './commands/network.ts';
import type { Given, Option, Program } from '../usage/usage.ts';
import { VERSION } from './version.ts';

const TAKE_OVER: Option = {
  name: 'take-over',
  about: "although the root holds another machine's configuration",
};
const TOKEN_FILE: Option = {
  name: 'token-file',
  value: '<file>',
  about: 'an enrolment token, where the site asks for one',
};

const COMMAND_LINE: Option = {
  name: 'command-line',
  value: '<file>',
  about: "the kernel's command line",
  default: '/proc/cmdline',
};

/** The whole command line: docs/config.md lists it. */
export const PROGRAM: Program<Context> = {
  name: 'coatcheck-agent',
  about: "A machine's side of coatcheck: its key, its configuration, its boot",
  version: VERSION,
  options: [
    { name: 'root', value: '<folder>', about: "the machine's root folder", default: '/' },
    {
      name: 'site',
      value: '<file>',
      about: 'the site that it belongs to; default: etc/coatcheck/site.json there',
    },
    {
      name: 'key',
      value: '<source>',
      about: 'its key: usb, image, tpm, credential, or a file; default: etc/coatcheck/key there',
    },
    {
      name: 'memory',
      value: '<kind>',
      about: 'what remembers the newest decision: tpm, efi, stick, file, none',
      default: 'file',
    },
    {
      name: 'state',
      value: '<folder>',
      about: 'where it remembers; default: var/lib/coatcheck there',
    },
    {
      name: 'server',
      value: '<url>',
      about: 'the server to ask; default: those that the site names',
    },
    { name: 'json', about: 'print one JSON document on stdout' },
  ],
  commands: [
    {
      usage: 'id',
      about: 'print the id of this machine, and its words',
      options: [{ name: 'public', about: 'and its two public keys' }],
      run: (context, { options }) => id(context, { public: options['public'] === true }),
    },
    {
      usage: 'key make file <path>',
      about: 'make a key in a new file that only its owner can read',
      run: (context, { operands: [path] }) => keyMakeFile(context, path!),
    },
    {
      usage: 'key make usb <device>',
      about: 'make a key on a stick: in its partition named COATCHECK, without a filesystem',
      options: [{ name: 'erase', about: 'although a key or something else is there' }],
      run: (context, { operands: [device], options }) =>
        keyMakeUsb(context, device!, options['erase'] === true),
    },
    {
      usage: 'key make image <path>',
      about: 'make the key from which each machine of an image derives its own',
      run: (context, { operands: [path] }) => keyMakeImage(context, path!),
    },
    {
      usage: 'key make credential',
      about: 'make a key and print it, for systemd to hand over',
      run: keyMakeCredential,
    },
    {
      usage: 'capture',
      about: 'show what this machine would propose',
      run: capture,
    },
    {
      usage: 'propose',
      about: 'propose what this machine changed of its configuration; without one, all that it is',
      options: [
        {
          name: 'add',
          value: '<paths>',
          about: 'files to propose besides those in force, with commas between',
        },
        { name: 'after', value: '<digest>', about: 'although this proposal was refused' },
        TOKEN_FILE,
        TAKE_OVER,
      ],
      run: (context, given) =>
        proposeNow(context, {
          ...commonFlags(given),
          after: text(given, 'after'),
          add: text(given, 'add')
            ?.split(',')
            .map((path) => path.replace(/^\//, '')),
        }),
    },
    {
      usage: 'boot',
      about: 'fetch what is approved and apply it; propose and wait where nothing is',
      options: [
        { name: 'no-propose', about: 'where nothing is approved, wait only' },
        { name: 'once', about: 'do not wait' },
        { name: 'wait', value: '<seconds>', about: 'wait so long at most; default: for ever' },
        TOKEN_FILE,
        TAKE_OVER,
      ],
      run: (context, given) =>
        bootNow(context, {
          ...commonFlags(given),
          propose: given.options['no-propose'] !== true,
          once: given.options['once'] === true,
          wait: seconds(given, 'wait'),
        }),
    },
    {
      usage: 'start',
      about: "from the kernel's command line to a machine that is ready",
      options: [
        COMMAND_LINE,
        {
          name: 'console',
          value: '<tty>',
          about: 'to ask at; default: where this runs, if that is a terminal',
        },
        { name: 'no-network', about: 'take the network as it is' },
        TAKE_OVER,
      ],
      run: (context, given) =>
        start(context, {
          commandLine: text(given, 'command-line') ?? '/proc/cmdline',
          terminal: text(given, 'console'),
          noNetwork: given.options['no-network'] === true,
          takeOver: given.options['take-over'] === true,
        }),
    },
    {
      usage: 'refresh',
      about: 'fetch what is approved and apply it, on a machine that runs',
      options: [COMMAND_LINE, TAKE_OVER],
      run: (context, given) =>
        refreshNow(context, {
          commandLine: text(given, 'command-line') ?? '/proc/cmdline',
          takeOver: given.options['take-over'] === true,
        }),
    },
    {
      usage: 'apply <file>',
      about: 'verify and apply a copy of an approved configuration',
      options: [TAKE_OVER],
      run: (context, given) => applyFile(context, given.operands[0]!, commonFlags(given)),
    },
    {
      usage: 'network',
      about: 'have the network that this machine boots over, and find the servers there',
      run: network,
    },
    {
      usage: 'status',
      about: 'what is applied, what changed since, what is remembered',
      run: status,
    },
  ],
};

/** What every command is given, by the options that every command takes. */
export function contextOf(given: Given): Context {
  const root = text(given, 'root') ?? '/';
  const key = text(given, 'key');
  const memory = text(given, 'memory');
  if (memory !== undefined && !isMemoryKind(memory)) {
    throw fail('usage', `--memory is one of ${MEMORY_KINDS.join(', ')}`);
  }
  return {
    places: {
      root,
      site: text(given, 'site') ?? join(root, 'etc/coatcheck/site.json'),
      ...(key !== undefined && { key: parseKeySource(key) }),
      memory,
      state: text(given, 'state'),
    },
    server: text(given, 'server'),
    console: createConsole({ json: given.options['json'] === true }),
    now: () => Math.floor(Date.now() / 1000),
  };
}

const commonFlags = (given: Given): { takeOver: boolean; tokenFile: string | undefined } => ({
  takeOver: given.options['take-over'] === true,
  tokenFile: text(given, 'token-file'),
});

function text({ options }: Given, name: string): string | undefined {
  const value = options[name];
  return value === true ? undefined : value;
}

/** @throws usage */
function seconds(given: Given, name: string): number | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,9}$/.test(value)) throw fail('usage', `--${name} is a number of seconds`);
  return Number(value);
}
