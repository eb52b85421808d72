/**
 * `~/shop` as a path relative to the login user's home, where commands on servers start. Scripts and rsync take a tilde
 * literally; only a shell expands it, in an unquoted path.
 */
export function belowHome(path: string): string {
  return path.replace(/^~\/+/, '')
}
