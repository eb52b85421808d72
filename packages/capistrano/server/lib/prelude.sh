# Stands before every script: what all of them use.
set -eu
unset CDPATH

# Prints a line for the log.
say() { printf '%s\n' "$*"; }

# Gives the deploy machine a value: fact NAME VALUE. Not shown in the log.
fact() { printf '::%s %s\n' "$1" "$2"; }

# In a shell of its own: where it can't write, some shells end, and all complain in their own words.
can_write() { (: >"$1/.probe-$$") 2>/dev/null && rm -f -- "$1/.probe-$$"; }

# Prints what is wrong, and what to do, and ends the script: fail STATUS MESSAGE.
fail() {
  fail_status=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$fail_status"
}
