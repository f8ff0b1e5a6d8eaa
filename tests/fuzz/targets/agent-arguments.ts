import { PROGRAM } from '../../../agent/program.ts';
import { parse, partsOf } from '../../../usage/usage.ts';
import { utf8 } from '../../../bundle/bytes.ts';
import { hasCode } from '../../../protocol/errors.ts';
import type { Target } from '../engine/target.ts';
import { demand } from '../engine/verdict.ts';

const options = [
  ...PROGRAM.options,
  ...PROGRAM.commands.flatMap((command) => command.options ?? []),
];
const names = [
  ...['--', '-', '-h', '--no-', '__proto__', 'constructor', '-1', '30'],
  ...options.map(({ name }) => `--${name}`),
  ...PROGRAM.commands.flatMap((command) => partsOf(command).words),
];

/**
 * The command line of `coatcheck-agent`, its words divided by NUL: it leads to a command, with the
 * operands that it wants and options that it has, to a text, or to a usage error.
 */
export const target: Target = {
  run(input) {
    const args = Buffer.from(input).toString('utf8').split('\0');
    let parsed;
    try {
      parsed = parse(PROGRAM, args);
    } catch (error) {
      if (hasCode(error, 'usage')) return 'usage';
      throw error;
    }
    demand(!('polluted' in {}), 'the prototype of all objects was changed');
    if ('text' in parsed) return 'text';
    const { command, given } = parsed;
    demand(given.operands.length === partsOf(command).operands.length, 'operands that it wants');
    const own = [...PROGRAM.options, ...(command.options ?? [])];
    for (const [name, value] of Object.entries(given.options)) {
      const option = own.find((known) => known.name === name);
      demand(option !== undefined, `an option ${name} was made up`);
      demand(
        typeof value === (option?.value === undefined ? 'boolean' : 'string'),
        `${name} is odd`,
      );
    }
    return `reached ${command.usage}`;
  },
  seeds: [
    'boot --once --wait 30 --no-propose --token-file t',
    '--root /mnt --json status',
    'key make file k',
    'id --public',
    'apply f -- x',
    'propose --after ab',
    '--help',
  ].map((line) => utf8(line.replaceAll(' ', '\0'))),
  words: ['\0', '=', ...names.map((name) => `\0${name}`)],
  maxBytes: 256,
  work: [20_000, 200],
  allocated: [1024, 8],
};
