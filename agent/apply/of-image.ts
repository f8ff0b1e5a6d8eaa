import type { PathList } from '../../protocol/paths.ts';
import { withRoot } from '../tree/folder.ts';
import { shortDigest } from '../../bundle/file-digest.ts';
import { imageVersion } from '../tree/image.ts';
import { readBaseline } from './baseline.ts';
import { captureFiles } from './capture.ts';
import type { Marker } from './marker.ts';

/** What an image is known by. */
export interface ImageName {
  readonly version?: string;
  /** SHA-256 of its baseline, hex; absent where it has none that counts */
  readonly baseline?: string;
}

/** The image that a machine runs, beside what its bundle says of images. */
export interface OfImage {
  readonly running: ImageName;
  /** The one that the bundle was made on, as the bundle names it */
  readonly madeOn: ImageName;
  /** How many files the bundle leaves to the image */
  readonly left: number;
  /** Which of them are not here, or not as they were there, by path */
  readonly differing: readonly string[];
}

/**
 * How the image that runs stands to the one that a bundle was made on. What cannot be read counts as
 * differing: nobody knows that it is the same.
 * @param list what a bundle may place here
 */
export function compareWithImage(
  rootPath: string,
  list: PathList,
  { image: madeOn = {}, ofImage = {} }: Pick<Marker, 'image' | 'ofImage'>,
): OfImage {
  return withRoot(rootPath, (root) => {
    const version = imageVersion(root);
    const look = readBaseline(root);
    const same = new Set<string>();
    const isLeft = (path: string): boolean => Object.hasOwn(ofImage, path);
    const left = Object.keys(ofImage);
    if (left.length > 0) {
      captureFiles(root, list, isLeft, (file) => {
        if (shortDigest(file) === ofImage[file.path]) same.add(file.path);
        return undefined;
      });
    }
    return {
      running: {
        ...(version !== undefined && { version }),
        ...(look.state === 'found' && { baseline: look.digest }),
      },
      madeOn,
      left: left.length,
      differing: left.filter((path) => !same.has(path)).sort(),
    };
  });
}

/** What a bundle says of the image, as the marker has it. */
export function imageOfBundle({
  image,
  baseline,
  left,
}: {
  readonly image?: string;
  readonly baseline?: string;
  readonly left?: Readonly<Record<string, string>>;
}): Pick<Marker, 'image' | 'ofImage'> {
  const named = {
    ...(image !== undefined && { version: image }),
    ...(baseline !== undefined && { baseline }),
  };
  return {
    ...(Object.keys(named).length > 0 && { image: named }),
    ...(left !== undefined && { ofImage: { ...left } }),
  };
}
