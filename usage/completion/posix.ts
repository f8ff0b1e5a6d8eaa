import { kindOf, quoted } from './places.ts';
import type { Completed } from './places.ts';
import type { Option } from '../table.ts';

/** For bash from 3.2 on, and for zsh: they read the line by the same loop. */
export function posixScript(
  { name, places, common, options }: Completed,
  shell: 'bash' | 'zsh',
): string {
  const isBash = shell === 'bash';
  const offer = (rows: Iterable<readonly [string, string]>): string => {
    const items = [...rows].map(([word, about]) => (isBash ? word : quoted(`${word}:${about}`)));
    return isBash ? `offer="$offer ${items.join(' ')}"` : `offer+=(${items.join(' ')})`;
  };
  const choose = (subject: string, cases: readonly (readonly [string, string])[]): string =>
    cases.length === 0
      ? ':'
      : `case ${subject} in\n${cases.map(([on, then]) => `      ${on}) ${then} ;;`).join('\n')}\n    esac`;
  const flags = (own: readonly Option[]): string =>
    offer(own.map((option) => [`--${option.name}`, option.about]));

  const valued = options.filter(({ value }) => value !== undefined);
  const values = valued.flatMap(({ name: option, value, choices }) => {
    if (choices !== undefined)
      return [[`--${option}`, offer(choices.map((c) => [c, '']))] as const];
    return kindOf(value!) === '' ? [] : [[`--${option}`, `kind=${kindOf(value!)}`] as const];
  });
  const operands = places.flatMap(({ at, operands: own }) =>
    own.map(
      ({ kind, repeated }, i) => [`${quoted(at)}:${repeated ? '*' : i}`, `kind=${kind}`] as const,
    ),
  );
  const withNext = places.filter(({ next }) => next.size > 0);
  const withOptions = places.filter(({ options: own }) => own.length > 0);
  const [line, first, last] = isBash ? ['COMP_WORDS', 1, 'COMP_CWORD'] : ['words', 2, 'CURRENT'];
  const function_ = `_${name.replaceAll('-', '_')}`;

  return `${isBash ? `# source <(${name} completion bash)` : `#compdef ${name}`}
${function_}() {
  local word i n=0 option= at= rest= kind= cur=\${${line}[${last}]}
  local ${isBash ? 'offer=' : '-a offer'}
  for ((i = ${first}; i < ${last}; i++)); do
    word=\${${line}[i]}
    if [[ -n $option ]]; then
      [[ $word == '=' ]] || option=
      continue
    elif [[ -n $rest ]]; then
      n=$((n + 1))
      continue
    fi
    case $word in
      --) rest=1 ;;
      ${valued.map((o) => `--${o.name}`).join('|')}) option=$word ;;
      -*) ;;
      *) case "$at $word" in
        ${places.flatMap(({ at }) => (at === '' ? [] : quoted(at))).join('|')}) at="$at $word" ;;
        *) n=$((n + 1)) ;;
      esac ;;
    esac
  done
  ${isBash ? `[[ $cur == '=' ]] && cur=` : `if [[ -z $option$rest && $cur == --*=* ]]; then option=\${cur%%=*}; compset -P '*='; fi`}
  if [[ -n $option ]]; then
    ${choose('$option', values)}
  elif [[ -z $rest && $cur == -* ]]; then
    ${flags(common)}
    ${offer([['--help', 'what it does']])}
    ${choose(
      '$at',
      withOptions.map(({ at, options: own }) => [quoted(at), flags(own)] as const),
    )}
  else
    ${choose(
      '$at',
      withNext.map(({ at, next }) => [quoted(at), offer(next)] as const),
    )}
    ${choose(
      '$at:$n',
      operands.filter(([, kind]) => kind !== 'kind='),
    )}
  fi
${isBash ? bashEnd(name, function_) : zshEnd(name, function_)}
`;
}

const bashEnd = (name: string, function_: string): string => `  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(
    compgen -W "$offer" -- "$cur"
    [[ -n $kind ]] && compgen "-$kind" -- "$cur"
  )
  [[ -n $kind ]] && compopt -o filenames 2> /dev/null
  return 0
}
complete -F ${function_} ${name}`;

const zshEnd = (name: string, function_: string): string => `  (($#offer)) && _describe '' offer
  case $kind in
    f) _files ;;
    d) _files -/ ;;
  esac
}
if [[ $funcstack[1] == ${function_} ]]; then ${function_} "$@"; else compdef ${function_} ${name}; fi`;
