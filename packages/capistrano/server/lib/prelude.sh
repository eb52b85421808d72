# Prepended to every script.
set -eu
unset CDPATH

# Prints a line for the log.
say() { printf '%s\n' "$*"; }

# Returns a value to the deploy machine: fact NAME VALUE. Not logged.
fact() { printf '::%s %s\n' "$1" "$2"; }

# Names what the script does from here on, for the timeline: step NAME.
step() { fact step "$1"; }

# In a subshell: on a failed redirection, some shells exit, and all print their own message.
can_write() { (: >"$1/.probe-$$") 2>/dev/null && rm -f -- "$1/.probe-$$"; }

# Prints what is wrong and what to do, and exits: fail STATUS MESSAGE.
fail() {
  fail_status=$1
  shift
  printf '%s\n' "$*" >&2
  exit "$fail_status"
}
