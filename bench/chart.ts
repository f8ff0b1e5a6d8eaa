import { humanNumber } from './result.ts';
import type { Suite } from './result.ts';

const WIDTH = 760;
const LABELS = 230;
const BAR = 18;
const GAP = 6;
const TITLE = 34;
const FONT = 'font-family="system-ui, sans-serif"';

/** Colours of a light page, and of a dark one. */
const STYLE = `<style>
.page { fill: #ffffff } .text { fill: #222222 } .bar { fill: #b8c4cc } .ours { fill: #1f6f8b }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #d8dee4 } .bar { fill: #57636d } .ours { fill: #4fb3d4 }
}
</style>`;

/**
 * The suites as horizontal bars, one panel below the other, each panel to its own scale; bars whose
 * name starts with `coatcheck` stand out. A suite of which nothing was measured has no panel.
 *
 * @returns an SVG document, light or dark as the page's reader has it
 */
export function barChart(suites: readonly Suite[]): string {
  let y = 0;
  const drawn = suites.filter(({ rows }) => rows.some(({ value }) => value !== undefined));
  const panels = drawn.map((suite) => {
    const { svg, height } = panel(suite, y);
    y += height;
    return svg;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}">\n` +
    `${STYLE}\n<rect class="page" width="${WIDTH}" height="${y}"/>\n${panels.join('')}</svg>\n`
  );
}

function panel(suite: Suite, top: number): { svg: string; height: number } {
  const rows = suite.rows.filter((row) => row.value !== undefined);
  const largest = Math.max(...rows.map((row) => row.value!));
  const scale = (WIDTH - LABELS - 90) / largest;
  const bars = rows.map((row, i) => {
    const y = top + TITLE + i * (BAR + GAP);
    const width = Math.max(1, row.value! * scale).toFixed(1);
    const shade = row.name.startsWith('coatcheck') ? 'ours' : 'bar';
    return (
      text(LABELS - 8, y + 13, row.name, 'text-anchor="end"') +
      `<rect x="${LABELS}" y="${y}" width="${width}" height="${BAR}" class="${shade}"/>\n` +
      text(LABELS + Number(width) + 6, y + 13, humanNumber(row.value!))
    );
  });
  const title = text(12, top + 22, `${suite.title}, ${suite.unit}`, 'font-weight="bold"');
  return { svg: title + bars.join(''), height: TITLE + rows.length * (BAR + GAP) + 10 };
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${FONT} font-size="13" class="text" ${attributes}>${escapeXml(content)}</text>\n`;
}

const escapeXml = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
