/** True for an address that means the host itself on every host. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
