# Downloads an object of known content to a file: resumes where an earlier attempt or run stopped, retries with growing waits,
# and checks size and SHA-256. Goes after lib/download.sh, and uses its functions and `answer`.
# Variables: archive (name for messages), object (location in storage, for messages), sha256, delays (seconds before each
#            retry), and those of lib/download.sh
# Functions: fetch, verified FILE, lock_part, unlock_part
#
# $part is the file being downloaded. $part.lock, a folder with the id of the downloading process, protects it; other processes
# wait. The calling script renames the verified file.

checksum() {
  # openssl may be several times as fast as the others.
  if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1" | cut -c 1-64
  elif command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c 1-64
  else shasum -a 256 <"$1" | cut -c 1-64
  fi
}

verified() { [ -f "$1" ] && [ "$(bytes "$1")" -eq "$size" ] && [ "$(checksum "$1")" = "$sha256" ]; }

# Only one process at a time writes $part; the others wait for its result.
lock_part() {
  waited=
  seen=
  still=0
  until mkdir -- "$part.lock" 2>/dev/null; do
    can_write "${part%/*}" || fail "$E_FOLDER" "cannot write to ${part%/*}: check its owner and mode, and that its disk is not full"
    holder=
    if [ -f "$part.lock/pid" ]; then IFS= read -r holder <"$part.lock/pid" || :; fi
    # A download stuck for longer than the stall limit is dead: its id now belongs to another process.
    if [ "$(bytes "$part")" = "$seen" ]; then still=$((still + 1)); else still=0; fi
    seen=$(bytes "$part")
    if [ -n "$holder" ] && [ "$still" -lt 90 ] && kill -0 "$holder" 2>/dev/null; then
      [ -n "$waited" ] || say "waiting for another deploy that is fetching $archive"
      waited=1
      sleep 1
    elif [ -n "$holder" ] || [ -n "$waited" ]; then
      # Its holder is gone.
      rm -rf -- "$part.lock"
    else
      # The holder may be about to write its id.
      waited=1
      sleep 1
    fi
  done
  printf '%s\n' "$$" >"$part.lock/pid"
  trap 'rm -rf -- "$part.lock"' EXIT
}

unlock_part() {
  rm -rf -- "$part.lock"
  trap - EXIT
}

# On failure, ends the script with E_CONTENT if size or SHA-256 differ, E_REFUSED if storage refuses the object, else E_FETCH.
fetch() {
  # shellcheck disable=SC2086
  set -- $delays
  total=$#
  wrong=
  while :; do
    had=$(downloaded)
    [ "$had" -eq 0 ] || say "resuming $archive at byte $had of $size"
    status=0
    step fetch
    download || status=$?
    case $status in
      0)
        step verify
        if verified "$part"; then return 0; fi
        wrong=1
        forget_part
        ;;
      3)
        wrong=1
        forget_part
        ;;
    esac
    if [ "$status" -eq 2 ]; then fail "$E_REFUSED" "cannot fetch $object: storage refused the request (status $answer)"; fi
    if [ $# -eq 0 ]; then
      [ -z "$wrong" ] || fail "$E_CONTENT" "$object in storage is not what was uploaded: its size or SHA-256 differs from the manifest's. Deploy with REBUILD=1 to rebuild it"
      fail "$E_FETCH" "cannot fetch $object${answer:+ (status $answer)}"
    fi
    say "retrying to fetch $archive in $1 s ($((total - $# + 1)) of $total)"
    # Without support for fractions, wait a little longer.
    sleep "$1" 2>/dev/null || sleep $((${1%%.*} + 1))
    shift
  done
}
