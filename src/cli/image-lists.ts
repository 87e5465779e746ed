/** In the help of --files. */
export const DEFAULT_FILES = 'files.txt beside the first list of images, if it is there';

/** The lists that --images names; images.txt without the flag. */
export function imageListsOf({ images }: { readonly images?: readonly string[] }): readonly string[] {
  return images ?? ['images.txt'];
}
