// Looking behind keeps a long word from being tried from each of its letters.
const USERINFO = /(?<![a-z0-9+.-])([a-z0-9+.-]+:\/\/)[^/\s:@]+(?::[^/\s@]*)?@/gi;
const AUTHORIZATION = /\b(authorization["']?\s*[:=]\s*["']?(?:basic|bearer)\s+)[^\s"',;]+/gi;
// A colon must be followed by a blank or a quote: vault-secret:v1 is the name of an image. After a dot the word is part of a
// path inside a document (ssh.password), whose mistake is being described.
const NAMED_SECRET =
  /(?<![.\w])((?:pass(?:word|wd|phrase)?|secret|token|access_token|refresh_token|x-amz-signature|sig|signature)["']?(?:\s*=\s*|\s*:\s+|:(?=["']))["']?)[^\s"',;&]+/gi;

/** Replaces credentials that commonly slip into messages: user info in URLs, Authorization values, named secrets. */
export function redact(text: string): string {
  return text.replace(USERINFO, '$1***@').replace(AUTHORIZATION, '$1***').replace(NAMED_SECRET, '$1***');
}
