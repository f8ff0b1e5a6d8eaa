import { isPath } from '../../bundle/path.ts';

/** The code points that a part of a path may have, as ranges `0020-002E` in order. */
export function namePoints(): string[] {
  const ranges: [first: number, last: number][] = [];
  for (let point = 0; point <= 0x10_ffff; point++) {
    const char = String.fromCodePoint(point);
    if (char === '/' || !isPath(`a${char}b`)) continue;
    const range = ranges.at(-1);
    if (range?.[1] === point - 1) range[1] = point;
    else ranges.push([point, point]);
  }
  const hex = (point: number): string => point.toString(16).toUpperCase().padStart(4, '0');
  return ranges.map((range) => range.map(hex).join('-'));
}
