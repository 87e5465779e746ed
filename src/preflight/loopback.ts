/** True for a loopback address, by which every host reaches itself. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
