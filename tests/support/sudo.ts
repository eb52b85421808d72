/**
 * A stand-in for sudo, as the tests' user may not become another: takes sudo's arguments, and sets SUDO_FOR to the target
 * user.
 * @param path PATH of the command. @default its own
 */
export function sudo(path?: string): string {
  return `#!/bin/sh
[ "$1" != -n ] || shift
[ "$1" = -u ] || exit 64
export SUDO_FOR="$2" ${path === undefined ? '' : `PATH='${path}'`}
shift 2
[ "$1" != -- ] || shift
exec "$@"
`
}
