import { kindOf, quoted } from './places.ts';
import type { Completed, Kind } from './places.ts';
import type { Option } from '../table.ts';

/** For fish from 3.0 on. */
export function fishScript({ name, places, common, options }: Completed): string {
  const at = `__${name.replaceAll('-', '_')}_at`;
  const complete = (where: string, what: string, about = ''): string =>
    `complete -c ${name}${where === '' ? '' : ` -n ${quoted(where)}`} ${what}${about === '' ? '' : ` -d ${quoted(about)}`}`;
  const option = (where: string, given: Option): string =>
    complete(where, `-l ${given.name}${valueOf(given)}`, given.about);
  const lines = places.flatMap((place) => {
    const where = `${at} "${place.at}"`;
    return [
      ...[...place.next].map(([word, about]) => complete(where, `-a ${word}`, about)),
      ...place.options.map((given) => option(where, given)),
      ...place.operands.map(({ kind, repeated }, i) =>
        complete(repeated ? where : `${where} ${i}`, kindFlag[kind]),
      ),
    ];
  });
  const valued = options.filter(({ value }) => value !== undefined);
  return `# ${name} completion fish | source
function ${at} --description 'which command the line names, and how many operands stand behind it'
    set -l at ''
    set -l n 0
    set -l skip 0
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${valued.map((o) => `--${o.name}`).join(' ')}
                set skip 1
            case '-*'
            case '*'
                switch "$at $word"
                    case ${places.flatMap((place) => (place.at === '' ? [] : quoted(place.at))).join(' ')}
                        set at "$at $word"
                    case '*'
                        set n (math $n + 1)
                end
        end
    end
    test "$at" = "$argv[1]"; or return 1
    test (count $argv) = 1; or test $n = "$argv[2]"
end
complete -c ${name} -f
${[...common.map((given) => option('', given)), complete('', '-s h -l help', 'what it does'), ...lines].join('\n')}
`;
}

const kindFlag: Readonly<Record<Kind, string>> = {
  f: '-F',
  d: "-a '(__fish_complete_directories)'",
  '': '-f',
};

function valueOf({ value, choices }: Option): string {
  if (value === undefined) return '';
  if (choices !== undefined) return ` -x -a ${quoted(choices.join(' '))}`;
  const kind = kindOf(value);
  return kind === 'f' ? ' -r -F' : ` -x ${kind === 'd' ? kindFlag.d : ''}`.trimEnd();
}
