/**
 * `~/shop` as a path that starts where commands on servers start, in the home of the user who logs in. Scripts and rsync
 * take a tilde for the name of a folder; a shell that is given a path unquoted does not.
 */
export function belowHome(path: string): string {
  return path.replace(/^~\/+/, '')
}
