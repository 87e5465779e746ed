/** The lists that --images names; images.txt without the flag. */
export function imageListsOf({ images }: { readonly images?: readonly string[] }): readonly string[] {
  return images ?? ['images.txt'];
}
