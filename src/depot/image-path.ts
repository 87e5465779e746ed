import { nameAsPath } from '../oci/index.ts';

/** The name by which clients pull an image of a bundle from the depot, behind the address of the depot. */
export function imagePath(name: string): string {
  return nameAsPath(name);
}
