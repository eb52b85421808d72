# Stands before every script: what all of them use.
set -eu
unset CDPATH

say() { printf '%s\n' "$*"; }

# A value for the deploy machine; not shown in the log.
fact() { printf '::%s %s\n' "$1" "$2"; }

# In a shell of its own: where it can't write, some shells end, and all complain in their own words.
can_write() { (: >"$1/.probe-$$") 2>/dev/null && rm -f -- "$1/.probe-$$"; }

fail() {
  fail_status=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$fail_status"
}
