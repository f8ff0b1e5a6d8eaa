import { utf8 } from '../../../bundle/bytes.ts';
import { hasCode } from '../../../protocol/errors.ts';
import { parse } from '../../../usage/parse.ts';
import { BUILT_IN, camelCase, partsOf } from '../../../usage/table.ts';
import type { Option, Program, Value } from '../../../usage/table.ts';
import type { Target } from './target.ts';
import { demand } from './verdict.ts';

/**
 * A command line, its words divided by NUL: it leads to a command, with the operands that it wants and
 * options that it has, of the types that its table says; to a text; or to a usage error.
 */
export function argumentTarget<Context>(
  program: Program<Context>,
  lines: readonly string[],
): Target {
  const options = [...program.options, ...program.commands.flatMap((command) => command.options)];
  const names = [
    ...['--', '-', '-h', '--no-', '__proto__', 'constructor', '-1', '30', 'help'],
    ...[...options, ...BUILT_IN].map(({ name }) => `--${name}`),
    ...program.commands.flatMap((command) => partsOf(command).words),
  ];
  return {
    run(input) {
      const args = Buffer.from(input).toString('utf8').split('\0');
      let parsed;
      try {
        parsed = parse(program, args);
      } catch (error) {
        if (hasCode(error, 'usage')) return 'usage';
        throw error;
      } finally {
        demand(!('polluted' in {}), 'the prototype of all objects was changed');
      }
      if ('text' in parsed) return 'text';
      if ('unfinished' in parsed) return 'unfinished';
      const { command, operands } = parsed;
      const wanted = partsOf(command).operands;
      for (const { name, required, repeated } of wanted) {
        const given = operands[name];
        demand(given !== undefined || !required, `<${name}> is missing`);
        demand(given === undefined || Array.isArray(given) === repeated, `<${name}> is odd`);
      }
      const known = wanted.map(({ name }) => name);
      for (const name of Object.keys(operands)) demand(known.includes(name), `<${name}> is odd`);
      demandOwn(program.options, parsed.common);
      demandOwn(command.options, parsed.options);
      return `reached ${command.usage}`;
    },
    seeds: lines.map((line) => utf8(line.replaceAll(' ', '\0'))),
    words: ['\0', '=', ...names.map((name) => `\0${name}`)],
    // A word that is none is compared with all that there are.
    limits: { maxBytes: 256, work: [250 * names.length, 2 * names.length], allocated: [1024, 8] },
  };
}

function demandOwn(options: readonly Option[], values: Readonly<Record<string, Value>>): void {
  for (const [name, value] of Object.entries(values)) {
    const option = options.find((known) => camelCase(known.name) === name);
    demand(option !== undefined, `an option ${name} was made up`);
    const type = option?.value === undefined ? 'boolean' : 'string';
    for (const each of [value].flat()) demand(typeof each === type, `--${name} is odd`);
  }
}
