import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { ada, manifestOf, node } from '../tests/fixtures/format.ts';
import type * as Bundle from './index.ts';
import { readBundle } from './header.ts';
import { openBundle } from './open.ts';
import { sealBundle } from './seal.ts';

/** bundle/index.ts as a browser gets it, run where only what browsers have is defined. */
async function loadInBrowser(): Promise<typeof Bundle> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./index.ts', import.meta.url))],
    ...{ bundle: true, write: false, platform: 'browser', format: 'iife', globalName: 'coatcheck' },
  });
  // One Uint8Array for both sides, as between two scripts of one page.
  const context = createContext({ crypto, TextEncoder, TextDecoder, Uint8Array });
  runInContext(outputFiles[0]!.text, context);
  return context['coatcheck'] as typeof Bundle;
}

describe('in a browser', () => {
  it('what is sealed here opens there, and the other way round', async () => {
    const browser = await loadInBrowser();
    const recipients = [node.boxKey, ada.boxKey];
    const sealing = { manifest: manifestOf(), signer: node, kind: 'node', recipients } as const;
    const limits = { maxBytes: 2 ** 20, expect: 'proposal' } as const;

    const here = sealBundle(sealing);
    const opened = browser.openBundle(browser.readBundle(here, limits), ada);
    expect(browser.encodeManifest(opened)).toEqual(browser.encodeManifest(manifestOf()));

    const there = browser.sealBundle(sealing);
    expect(openBundle(readBundle(there, limits), ada)).toEqual(manifestOf());
  });
});
