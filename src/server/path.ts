/** Path and query of a request target (RFC 9112, 3.2); the absolute form loses its scheme and authority. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  const path = mark === -1 ? local : local.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : local.slice(mark + 1) };
}

/** Decodes a path once; undefined when an escape is broken or it holds a control character. */
export function decodePath(path: string): string | undefined {
  let decoded = path;
  if (path.includes('%')) {
    try {
      decoded = decodeURIComponent(path);
    } catch {
      return undefined;
    }
  }
  // eslint-disable-next-line no-control-regex -- the pattern looks for control characters
  return /[\u0000-\u001f\u007f]/.test(decoded) ? undefined : decoded;
}

/** True for a relative path whose every segment is a real name: not empty, not `.`, not `..`. */
export function isPlainPath(path: string): boolean {
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}
