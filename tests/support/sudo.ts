/**
 * A stand-in for sudo, where tests run as a user that can't become another: takes what sudo takes, and puts for whom into
 * SUDO_FOR.
 * @param path the PATH of what it runs. @default its own
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
