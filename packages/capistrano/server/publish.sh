# Points current at a release atomically, records that it went live, and reports what current pointed at before.
#
#   with a fencing token            always
#   take_turn                       ln -s releases/… .current-…
#   read .fences ── higher? refuse  mv -T .current-… current     atomic: readers see the old link or the new one
#   write .fences                   write .live
#
# With a token, one process at a time does all of this, so that no lower number gets in between.
# Needs: releases
# Variables: deploy_to, target (for current; empty: remove current), back (not empty: undoes the last publish, as if that release
#            had never been live), fence_scope and fence_number (empty: no token)

step flip
fail_to_write() {
  fail "$E_WRITE" "cannot write to $deploy_to: check its owner and mode, and that its disk is not full"
}

# Admits one process at a time, from here to the end.
take_turn() {
  waited=0
  can_write . || fail_to_write
  exec 9>>.publish-lock
  until turn; do
    [ "$waited" -lt 30 ] || fail "$E_BUSY" "another deploy has been publishing in $deploy_to for 30 seconds"
    sleep 1
    waited=$((waited + 1))
  done
}

# The kernel releases the flock of a dead process. Without flock, a link that names its owner is used instead.
turn() {
  if command -v flock >/dev/null 2>&1; then
    status=0
    flock -n 9 2>/dev/null || status=$?
    # 1: another process has it. Above 1: this file system does not support flock.
    [ "$status" -gt 1 ] || return "$status"
  fi
  if ln -s "pid-$$" .publishing 2>/dev/null; then
    trap 'rm -f .publishing' EXIT
    return
  fi
  owner=$(readlink .publishing) || return 1
  kill -0 "${owner#pid-}" 2>/dev/null || ps -p "${owner#pid-}" >/dev/null 2>&1 || rm -f .publishing
  return 1
}

# .fences has each scope's highest number, newest first.
check_fence() {
  seen=0
  others=
  known=0
  if [ -f .fences ]; then
    while read -r number scope; do
      case $number in '' | *[!0-9]*) continue ;; esac
      if [ "$scope" = "$fence_scope" ]; then
        seen=$number
      elif [ "$known" -lt 20 ]; then
        known=$((known + 1))
        others="$others$number $scope
"
      fi
    done <.fences
  fi
  [ "$fence_number" -ge "$seen" ] ||
    fail "$E_FENCED" "refused: a deploy that got the lock later has already published here (fencing token number $seen, this deploy's is $fence_number). This deploy has lost its lock"
  [ "$fence_number" -gt "$seen" ] || return 0
  { printf '%s %s\n%s' "$fence_number" "$fence_scope" "$others" >".fences-$$" && mv -f ".fences-$$" .fences; } 2>/dev/null || {
    rm -f ".fences-$$"
    fail_to_write
  }
}

cd -- "$deploy_to"
if [ -n "$fence_number" ]; then
  take_turn
  check_fence
fi

# Keeps 200 lines, enough for every existing release.
note_history() {
  while [ $# -gt 200 ]; do shift; done
  if [ $# -eq 0 ]; then
    rm -f .live
    return 0
  fi
  { printf '%s\n' "$@" >".live-$$" && mv -f ".live-$$" .live; } 2>/dev/null || {
    # Not fatal: the release is live, and the next publish records it.
    rm -f ".live-$$"
    say "cannot record the live release in $deploy_to/.live"
  }
}

[ -L current ] || [ ! -e current ] || fail "$E_CURRENT" "$deploy_to/current is not a symbolic link: move it out of the way"
fact previous "$(current_target)"
history=$(went_live)
release=${target##*/}

if [ -z "$target" ]; then
  rm -f current
else
  [ -d "$target" ] || fail "$E_NO_RELEASE" "there is no release $release in $deploy_to/releases"
  link=.current-$release-$$
  ln -s "$target" "$link"
  mv -fT "$link" current || {
    rm -f "$link"
    fail "$E_WRITE" "cannot replace $deploy_to/current"
  }
fi

# shellcheck disable=SC2086
set -- $history
if [ -n "$back" ]; then
  # All but the last.
  rest=
  while [ $# -gt 1 ]; do
    rest="$rest $1"
    shift
  done
  # shellcheck disable=SC2086
  set -- $rest
elif is_release "$release"; then
  set -- "$@" "$release"
fi
note_history "$@"
[ -z "$target" ] || say "current is release $release"
