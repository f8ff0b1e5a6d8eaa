/** What of a start or a refresh failed, in the machine's words, which are a stranger's. */
export interface MachineFault {
  /** A unit, a path or a step; absent where no part of it is named. */
  readonly what?: string;
  readonly why: string;
}

/** What a report says came of a decision. All of it is the machine's word. */
export interface Said {
  /**
   * `applied` or `partial`: it is in place. `not applied`: what was there before still is.
   * `unapproved`: it runs what nobody approved. `other`: nothing of these.
   */
  readonly outcome: 'applied' | 'partial' | 'not applied' | 'unapproved' | 'other';
  readonly failed: readonly MachineFault[];
  /** Files that were left as they are, since something is in the way. */
  readonly left: readonly MachineFault[];
  /** How many files that the bundle leaves to the image differ from what it was made on; 0 unless said. */
  readonly differing: number;
  /** The code that a decision has to name (`fresh`), where its memory was wiped and it takes nothing older. */
  readonly wiped?: string;
  /** Absent where its key is bound to no image */
  readonly images?: ImagesView;
}

/** Which image a machine runs, and which ones its TPM keeps its key from. */
export interface ImagesView {
  /** Of the one that it runs */
  readonly generation: number;
  /** Images of earlier generations than this one are revoked: 1 where none are */
  readonly revokedBelow: number;
}

/**
 * Reads the line of a report, as `tellEffect` of the agent writes it. It is a summary: whoever shows
 * it has the line as well, since what is not known here is in it all the same.
 */
export function readResult(result: string): Said {
  const [, wiped] = /; memory: tpm, wiped, code ([0-9a-f]{32})$/.exec(result) ?? [];
  const none = { failed: [], left: [], differing: 0, ...(wiped !== undefined && { wiped }) };
  if (result.startsWith('UNAPPROVED: ')) return { outcome: 'unapproved', ...none };
  const said = result.replace(/; memory: [^;]*$/, '');
  const [, verb, why = ''] = /^(not applied|applied, not in effect): (.*)$/s.exec(said) ?? [];
  if (verb !== undefined) {
    const outcome = verb === 'not applied' ? verb : 'applied';
    return { ...none, outcome, failed: [{ why }] };
  }
  const [, outcome] = /^(applied|partial): /.exec(said) ?? [];
  if (outcome === undefined) return { outcome: 'other', ...none };
  const parts = said.split('; ');
  const differing = parts.map((part) => /^(\d+) of \d+ files left to the image differ/.exec(part));
  const [, generation, below = '1'] =
    /^image generation (\d{1,5})(?:, revoked below (\d{1,5}))?$/.exec(parts[1] ?? '') ?? [];
  const [, refused] = /^NOT revoked: (.*)$/s.exec(parts[2] ?? '') ?? [];
  return {
    ...none,
    outcome: outcome as 'applied' | 'partial',
    ...(generation !== undefined && {
      images: { generation: Number(generation), revokedBelow: Number(below) },
    }),
    failed: [
      ...(refused === undefined ? [] : [{ what: 'older images', why: `not revoked: ${refused}` }]),
      ...named(parts, 'FAILED '),
    ],
    left: named(parts, 'LEFT '),
    differing: Number(differing.find((match) => match !== null)?.[1] ?? 0),
  };
}

function named(parts: readonly string[], word: string): MachineFault[] {
  return parts.flatMap((part) => {
    if (!part.startsWith(word)) return [];
    const [what = '', ...why] = part.slice(word.length).split(': ');
    return [{ what, why: why.join(': ') }];
  });
}
