import type { Vector } from '../vector.ts';
import { capabilities } from './capabilities.ts';
import { decisions } from './decisions.ts';
import { frames } from './frames.ts';
import { header } from './header.ts';
import { keys } from './keys.ts';
import { keysets } from './keysets.ts';
import { manifest } from './manifest.ts';
import { open } from './open.ts';

/** Every vector, by layer. */
export const allVectors = (): Vector[] => [
  ...keys(),
  ...header(),
  ...open(),
  ...manifest(),
  ...decisions(),
  ...keysets(),
  ...frames(),
  ...capabilities(),
];
