# Stands before every script: what all of them use.
set -eu
unset CDPATH

say() { printf '%s\n' "$*"; }

# A value for the deploy machine; not shown in the log.
fact() { printf '::%s %s\n' "$1" "$2"; }

fail() {
  fail_status=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$fail_status"
}
