import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromHex } from '../../bundle/bytes.ts';
import { decodeFrame, encodeFrame } from '../../bundle/frame.ts';
import * as node from '../../bundle/platform/node.ts';
import * as portable from '../../bundle/platform/portable.ts';
import { signRequest } from '../../protocol/request-signature.ts';
import { formatSite } from '../../protocol/site.ts';
import { runCli, startServe } from '../support/cli.ts';
import type { Served } from '../support/cli.ts';
import { itWith } from '../support/components.ts';
import { approvedFrame, fileEntry } from '../support/frames.ts';
import { makeMachine } from '../support/machine.ts';
import type { Machine } from '../support/machine.ts';
import { makeSite } from '../support/site.ts';
import { cases } from '../vectors/suite.ts';
import { parseVector } from '../vectors/vector.ts';
import type { Vector } from '../vectors/vector.ts';
import { malleate } from '../support/malleable.ts';

/** The twelve of ed25519-speccheck, and ours: S, R and keys out of range, small and mixed orders. */
const corpus: readonly Vector[] = cases
  .filter(({ name }) => /^(ed25519|sign-key)_/.test(name))
  .map(({ name, text }) => parseVector(name, text));

// tweetnacl takes S + L for S (253) and y + p for y (270); others do not, and each has its own view
// of small orders. What one reader takes and another refuses can be shown to each as it suits.
describe('tweetnacl-js #253, #270, ed25519-speccheck: every implementation has one verdict', () => {
  afterEach(() => {
    vi.doUnmock('#platform');
    vi.resetModules();
  });

  it('although what they are built on disagrees', () => {
    const raw = corpus
      .filter(({ check }) => check === 'ed25519')
      .map(({ name, fields, bytes }) => {
        const [key, signature] = [fields['public-key'], fields['signature']].map((h) =>
          fromHex(h!),
        );
        const verdict = (verify: () => boolean): boolean | string => {
          try {
            return verify();
          } catch {
            return 'throws';
          }
        };
        return {
          name,
          openssl: verdict(() => node.ed25519VerifyRaw(key!, bytes, signature!)),
          tweetnacl: verdict(() => portable.ed25519VerifyRaw(key!, bytes, signature!)),
        };
      });
    const apart = raw.filter(({ openssl, tweetnacl }) => openssl !== tweetnacl);
    expect(apart.map(({ name }) => name)).toContain('ed25519_high_s');
    const taken = raw.filter(({ tweetnacl }) => tweetnacl === true).map(({ name }) => name);
    expect(taken.length).toBeGreaterThan(2); // and more than the one good signature
  });

  it.each(['node', 'portable'] as const)('on the %s platform', async (platform) => {
    vi.resetModules();
    vi.doMock('#platform', () => import(`../../bundle/platform/${platform}.ts`));
    const { runVector } = await import('../vectors/run.ts');
    const loaded = await import('#platform');
    expect(loaded.ed25519VerifyRaw.toString()).toBe(
      { node, portable }[platform].ed25519VerifyRaw.toString(),
    );
    expect(corpus.length).toBeGreaterThan(25);
    for (const vector of corpus) expect(runVector(vector), vector.name).toBe(vector.expect);
  });

  itWith('pynacl', 'in Python, on libsodium, from the specification alone', () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'coatcheck-verdicts-'));
    const names = new Set(corpus.map(({ name }) => name));
    for (const { name, text } of cases) {
      if (names.has(name)) fs.writeFileSync(join(folder, `${name}.txt`), text);
    }
    const reader = join(import.meta.dirname, '../interop/reader.py');
    const said = execFileSync('python3', ['-B', reader, 'vectors', folder], { encoding: 'utf8' });
    fs.rmSync(folder, { recursive: true });
    expect(said.trimEnd().split('\n').sort()).toEqual(
      corpus.map(({ name, expect: verdict }) => `${name} ${verdict}`).sort(),
    );
  });

  describe('and so have the programs', () => {
    const ours = makeSite();
    let home: string;
    let server: Served;
    let machine: Machine;
    beforeAll(async () => {
      home = fs.mkdtempSync(join(tmpdir(), 'coatcheck-verdict-'));
      fs.writeFileSync(join(home, 'site.json'), formatSite(ours.site));
      server = await startServe(['--home', home, 'serve']);
      machine = makeMachine(ours.site);
    });
    afterAll(async () => {
      machine.remove();
      await server.stop();
      fs.rmSync(home, { recursive: true });
    });
    const code = ({ stderr }: { stderr: string }): string | undefined =>
      /\[(\w+)\]\n$/.exec(stderr)?.[1];

    it('of an approval whose signature has S + L', async () => {
      const good = approvedFrame(ours, machine.identity, [fileEntry('etc/hostname', 'x\n')]);
      const { statement, ...frame } = decodeFrame(good, { maxBytes: good.length });
      const [signed] = statement.signatures;
      const signatures = [{ ...signed!, signature: malleate(signed!.signature) }];
      const copy = join(home, 'copy');
      fs.writeFileSync(copy, encodeFrame({ ...frame, statement: { ...statement, signatures } }));
      expect(code(await machine.run('apply', copy))).toBe('bad_signature');
      expect(code(await runCli(['--home', home, 'bundle', 'verify', copy]))).toBe('bad_signature');
      fs.writeFileSync(copy, good);
      expect((await runCli(['--home', home, 'bundle', 'verify', copy])).code).toBe(0);
      expect((await machine.run('apply', copy)).code).toBe(0);
    });

    it('of a request whose signature has S + L, or whose key is of small order', async () => {
      const path = `/v1/nodes/${machine.identity.id}/config`;
      const url = new URL(path, server.url);
      const headers = signRequest({
        ...{ method: 'GET', url, site: ours.site.id, identity: machine.identity },
        created: Math.floor(Date.now() / 1000),
      });
      const ask = async (more: Record<string, string>): Promise<string> => {
        const answer = await fetch(url, { headers: { ...headers, ...more } });
        return answer.ok
          ? 'granted'
          : ((await answer.json()) as { error: { code: string } }).error.code;
      };
      const field = (signature: Uint8Array): string =>
        `coatcheck=:${Buffer.from(signature).toString('base64')}:`;
      const signature = Buffer.from(/:(.*):/.exec(headers.signature)![1]!, 'base64');
      expect(await ask({})).toBe('granted');
      expect(await ask({ signature: field(signature) })).toBe('granted');
      expect(await ask({ signature: field(malleate(signature)) })).toBe('signature_invalid');
      // A key of order 1 with R of order 1 and S = 0: tweetnacl takes it for any message.
      const one = Buffer.alloc(32);
      one[0] = 1;
      const input = headers['signature-input'].replace(
        /keyid="[^"]*"/,
        `keyid="${one.toString('base64url')}"`,
      );
      const none = field(Buffer.concat([one, Buffer.alloc(32)]));
      expect(await ask({ 'signature-input': input, signature: none })).toBe('signature_invalid');
    });
  });
});
