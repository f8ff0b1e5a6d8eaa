import { utf8 } from '../../../bundle/bytes.ts';
import {
  signRequest,
  SIGNATURE_HEADERS,
  verifyRequest,
} from '../../../protocol/request-signature.ts';
import { node, SITE } from '../../fixtures/format.ts';
import { Choices } from '../engine/choices.ts';
import type { Target } from '../engine/target.ts';
import { demand, sameBytes, verdict } from '../engine/verdict.ts';

const NOW = 1_790_000_000;
const CLOCKS = [NOW, NOW - 300, NOW + 301, 0, NOW + 300, 999_999_999_999];

type Headers = Partial<Record<(typeof SIGNATURE_HEADERS)[number], string>>;

/**
 * A request as the bytes have it: method, URL, body, time; signed, and then each of the five headers
 * as it is, left out, cut in two, or another one.
 */
function request(choices: Choices) {
  const method = choices.pick(['GET', 'POST', 'get', choices.text()]);
  const target = choices.text();
  const body = choices.bytes();
  const created = choices.pick(CLOCKS);
  const url = new URL(target, 'http://coatcheck.example:8420');
  const signed = signRequest({ method, url, body, created, site: SITE, identity: node });
  const headers: Headers = {};
  for (const name of SIGNATURE_HEADERS) {
    const change = choices.below(4);
    if (change === 1) continue;
    if (change === 2) headers[name] = choices.text();
    else if (change === 3) {
      const at = choices.byte();
      headers[name] =
        signed[name].slice(0, at) + choices.text() + signed[name].slice(at + choices.below(3));
    } else headers[name] = signed[name];
  }
  return { method, url, body, signed, headers, otherBody: choices.flag() ? choices.bytes() : body };
}

const bytes = (...parts: (number | string)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((p) => (typeof p === 'number' ? [p] : [utf8(p).length, ...utf8(p)])),
  );

/** A request is taken only with exactly the headers that `signRequest` makes for it. */
export const target: Target = {
  run(input) {
    const choices = new Choices(input);
    let made: ReturnType<typeof request>;
    try {
      made = request(choices);
    } catch (error) {
      if (error instanceof TypeError && error.message === 'Invalid URL') return 'no URL';
      throw error;
    }
    const { method, url, body, signed, headers, otherBody } = made;
    return verdict(() => {
      const header = (name: string): string | undefined => headers[name as keyof Headers];
      const signer = verifyRequest({ method, url, header, body: otherBody, site: SITE, now: NOW });
      for (const name of SIGNATURE_HEADERS) {
        demand(headers[name] === signed[name], `another ${name} was taken`);
      }
      sameBytes(otherBody, body, 'bytes of the body');
      sameBytes(signer.signKey, node.signKey, 'bytes of the key');
      return 'ok';
    });
  },
  seeds: [
    bytes(0, '', '/v1/nodes/a/config', '', 0, 0, 0, 0, 0, 0),
    bytes(1, '', '/v1/x?a=b', '{"a":1}', 1, 0, 0, 0, 0, 0),
    bytes(0, '', '/', '', 0, 0, 0, 0, 0, 0, 1, 'body'),
    ...[1, 2].map((change) => bytes(0, '', '/', '', 0, ...Array<number>(5).fill(change))),
    bytes(0, '', '/', '', 0, 0, 0, 0, 3, 11, 'x', 1, 0),
    bytes(0, '', '/', '', 0, 3, 9, ':', 0, 3, 4, '=', 1, 3, 200, ' ', 0, 0, 3, 12, 'A', 1),
  ],
  words: ['coatcheck=(', ';created=', 'keyid="', 'sha-256=:', '=:', '//', '%2F', '@', '#', '?'],
  limits: { maxBytes: 512, work: [4000, 50], allocated: [16_384, 64] },
};
