import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { instance } from '@viz-js/viz';
import ts from 'typescript';

/** Folders that ship; `tests/`, `bench/`, `scripts/` and `docs/` may import anything. */
const ROOMS =
  'admin agent bundle cli files functions infra local-minio net protocol store usage web words'.split(
    ' ',
  );

/** The folder whose own folders are drawn too. */
const OPENED = 'agent';

/**
 * The picture of ARCHITECTURE.md: an arrow for every import between folders, but none for what
 * follows from two others.
 *
 * @returns SVG, the same for the same imports
 */
export async function renderMap(): Promise<string> {
  const edges = withoutDetours(importsBetweenRooms());
  const rooms = [...new Set(edges.flat())].sort();
  const inside = rooms.filter((room) => room.includes('/'));
  const dot = [
    'digraph {',
    'graph [bgcolor=transparent, nodesep=0.25, ranksep=0.45, fontname="system-ui, sans-serif"]',
    'node [shape=box, style=rounded, height=0.36, fontname="system-ui, sans-serif", fontsize=12, class=room]',
    'edge [arrowsize=0.6, class=import]',
    `subgraph cluster { class=house; style=rounded; label="${OPENED}/"; fontsize=12`,
    ...inside.map((room) => `"${room}" [label="${labelOf(room.slice(OPENED.length + 1))}"]`),
    '}',
    ...rooms
      .filter((room) => !inside.includes(room))
      .map((room) => `"${room}" [label="${labelOf(room)}"]`),
    ...edges.map(([from, to]) => `"${from}" -> "${to}"`),
    '}',
  ].join('\n');
  const svg = (await instance()).renderString(dot, { format: 'svg', engine: 'dot' });
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/>/, `>\n${STYLE}`)
    .replaceAll(/<title>.*<\/title>\n/g, '')
    .replaceAll(/<!--.*?-->\n/g, '');
}

/** What stands beside the opened folder's own folders is one file to the picture. */
const labelOf = (room: string): string => (room.includes('.') ? room : `${room}/`);

/** For a page that is light or dark. */
const STYLE = `<style>
text { fill: #222222 } .room path { stroke: #1f6f8b; fill: #eef4f6 } .house path { stroke: #b8c4cc }
.import path { stroke: #84919b } .import polygon { stroke: #84919b; fill: #84919b }
@media (prefers-color-scheme: dark) {
text { fill: #d8dee4 } .room path { stroke: #4fb3d4; fill: #16232b } .house path { stroke: #57636d }
}
</style>`;

type Edge = readonly [from: string, to: string];

function importsBetweenRooms(): Edge[] {
  const found = new Set<string>();
  for (const file of ROOMS.filter((room) => existsSync(room)).flatMap(modulesOf)) {
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (!fileName.startsWith('.')) continue;
      const [from, to] = [roomOf(file), roomOf(join(dirname(file), fileName))];
      if (from !== to && ROOMS.includes(to.split('/')[0]!)) found.add(`${from} ${to}`);
    }
  }
  return [...found].sort().map((edge) => edge.split(' ') as [string, string]);
}

function modulesOf(room: string): string[] {
  return readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(room, file));
}

function roomOf(file: string): string {
  const [top, next, ...rest] = file.split('/');
  if (top !== OPENED) return top!;
  return `${top}/${rest.length > 0 ? next! : 'program.ts'}`;
}

/** Leaves out an arrow from which a longer way leads to the same room. */
function withoutDetours(edges: readonly Edge[]): Edge[] {
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const [start, to] of edges) {
      if (start === from && !seen.has(to)) reach(to, seen.add(to));
    }
    return seen;
  };
  return edges.filter(
    ([from, to]) =>
      !edges.some(([start, between]) => start === from && between !== to && reach(between).has(to)),
  );
}
