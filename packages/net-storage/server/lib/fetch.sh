# Brings an object of known content to a file, whatever it takes: goes on where an earlier try or run stopped, tries again with
# growing waits, and checks size and SHA-256. Stands behind lib/download.sh, and uses its functions, and `answer`.
# Variables: archive (name for people), object (where storage has it, for people), sha256, delays (seconds before each further
#            try), and those of lib/download.sh
# Functions: fetch, verified FILE, lock_part, unlock_part
#
# $part grows while it is downloaded, under $part.lock, a folder with the process id of whoever does that; whoever finds it
# waits. What is verified gets its name from the script that calls this.

checksum() {
  # The fastest first: it may be several times as fast as the others.
  if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1" | cut -c 1-64
  elif command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c 1-64
  else shasum -a 256 <"$1" | cut -c 1-64
  fi
}

verified() { [ -f "$1" ] && [ "$(bytes "$1")" -eq "$size" ] && [ "$(checksum "$1")" = "$sha256" ]; }

# One process at a time writes the part that is downloaded; the others wait for what it gets.
lock_part() {
  waited=
  seen=
  still=0
  until mkdir -- "$part.lock" 2>/dev/null; do
    can_write "${part%/*}" || fail "$E_FOLDER" "cannot write to ${part%/*}: check its owner and mode, and that its disk is not full"
    holder=
    if [ -f "$part.lock/pid" ]; then IFS= read -r holder <"$part.lock/pid" || :; fi
    # A download that has come no further for longer than one may stall is nobody's: the id is another process's by now.
    if [ "$(bytes "$part")" = "$seen" ]; then still=$((still + 1)); else still=0; fi
    seen=$(bytes "$part")
    if [ -n "$holder" ] && [ "$still" -lt 90 ] && kill -0 "$holder" 2>/dev/null; then
      [ -n "$waited" ] || say "another deploy is fetching $archive here: waiting for it"
      waited=1
      sleep 1
    elif [ -n "$holder" ] || [ -n "$waited" ]; then
      # Whoever had it is gone.
      rm -rf -- "$part.lock"
    else
      # It may be about to write its id.
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

# Ends the script with E_CONTENT if the object is not what it should be, with E_REFUSED if storage refuses it, else with E_FETCH.
fetch() {
  # shellcheck disable=SC2086
  set -- $delays
  total=$#
  wrong=
  while :; do
    had=$(downloaded)
    [ "$had" -eq 0 ] || say "going on with $archive at byte $had of $size"
    status=0
    download || status=$?
    case $status in
      0)
        if verified "$part"; then return 0; fi
        wrong=1
        forget_part
        ;;
      3)
        wrong=1
        forget_part
        ;;
    esac
    if [ "$status" -eq 2 ]; then fail "$E_REFUSED" "cannot fetch $object: storage refuses it to this server (status $answer)"; fi
    if [ $# -eq 0 ]; then
      [ -z "$wrong" ] || fail "$E_CONTENT" "$object in storage is not what was uploaded: its size or SHA-256 differs from the manifest's. Deploy with netStorage.reuseArchive: false to build it anew"
      fail "$E_FETCH" "cannot fetch $object${answer:+ (status $answer)}"
    fi
    say "trying to fetch $archive again, $((total - $# + 1)) of $total, in $1 s"
    # A shell whose sleep knows whole seconds only waits a little longer.
    sleep "$1" 2>/dev/null || sleep $((${1%%.*} + 1))
    shift
  done
}
