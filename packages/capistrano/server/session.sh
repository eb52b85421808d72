# A session: this shell reads calls of `run` and `run_any` from standard input, one line each, and answers every script with a
# line on both outputs. What a script prints is all that comes before its answer.
#
#   deploy machine ──►  run 'script 1' && run 'script 2'      a round trip
#   stdout         ◄──  output of 1 | answer 0 | output of 2 | answer 3
#   stderr         ◄──  errors of 1 | answer 0 | errors of 2 | answer 3
#
# Variables: mark (begins an answer; random, and unknown to scripts)

answer() {
  printf '%s %s\n' "$mark" "$*"
  printf '%s %s\n' "$mark" "$*" >&2
}

# In a process of its own: whatever a script does to its shell, this one goes on. Through a pipe, because process lists show
# arguments, and some shells keep here-documents in files. This shell's own remarks on killed processes are dropped.
start() {
  { printf '%s\n' "$1" | sh 2>&3 3>&-; } 3>&2 2>/dev/null
  status=$?
}

# One of this family's scripts.
run() {
  start "$1"
  answer "$status"
  return "$status"
}

# The user's commands may leave processes behind that print something later, so this says if there may be any.
run_any() {
  [ -n "${alone:-}" ] || alone=$(exec pgrep -s 0 2>/dev/null) || alone=unknown
  start "$1"
  left=
  [ "$(exec pgrep -s 0 2>/dev/null)" = "$alone" ] || left=' left'
  answer "$status$left"
  return "$status"
}

answer "$$"
