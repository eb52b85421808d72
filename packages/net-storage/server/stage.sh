# Fetches an archive unless a verified copy is there, checks it, and unpacks it beside the releases.
# Variables: deploy_to, purpose (stage: unpack for release; prefetch: fetch only; extract: unpack ahead of time), release, revision, revision_time, archives_path, unpack_command, archive, size (bytes), sha256,
#            unpacked_size (bytes), delays (seconds before each further try), timeout and rate_limit (seconds and bytes
#            a second, or empty), and how to get it: url, headers (empty if there are none) and curl_config; or command (words, quoted) that writes to standard output

mkdir -p -- "$deploy_to/releases" || fail 10 "cannot make the folder $deploy_to/releases"
cd -- "$deploy_to"
mkdir -p -- "$archives_path" || fail 10 "cannot make the folder $archives_path"
file=$archives_path/$archive
part=$file.part
staging=releases/.staging-$release
# What was unpacked ahead of time, of exactly this archive.
ahead=releases/.prefetched-$sha256

checksum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c 1-64
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1" | cut -c 1-64
  else openssl dgst -sha256 -r <"$1" | cut -c 1-64
  fi
}

bytes() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }

verified() { [ -f "$1" ] && [ "$(bytes "$1")" -eq "$size" ] && [ "$(checksum "$1")" = "$sha256" ]; }

# Fails before anything is written if the disk can't take it. What df does not tell is not checked.
check_space() {
  free=$(df -Pk . 2>/dev/null | sed -n '2s/.* \([0-9]\{1,\}\) \{1,\}[0-9]\{1,\}%.*/\1/p' 2>/dev/null) || free=
  [ -n "$free" ] || return 0
  needed=$((($1 + 1023) / 1024))
  [ "$free" -ge "$needed" ] || fail 26 "the disk of $deploy_to has $((free / 1024)) MB free, and this release needs $((needed / 1024)) MB: make room, or lower keepReleases"
}

# The address goes from a builtin through a pipe: no process list and no file ever holds it.
# Status 0: all came. 1: worth another try. 2: storage refuses.
download() {
  if [ -n "$command" ]; then
    eval "$command" >"$part" </dev/null || return 1
    return 0
  fi
  if command -v curl >/dev/null 2>&1; then
    answer=$(printf '%s\n' "$curl_config" | curl --disable --config - --fail --silent --show-error --location \
      --connect-timeout 15 --speed-limit 1 --speed-time 60 ${timeout:+--max-time "$timeout"} ${rate_limit:+--limit-rate "$rate_limit"} \
      --continue-at - --output "$part" --write-out '%{http_code}') && return 0
    status=$?
    case $answer in
      408 | 429) ;;
      416) rm -f -- "$part" ;;
      4??) say "storage answers with status $answer"; return 2 ;;
    esac
    # curl: 33 is a server that can't go on in the middle.
    [ "$status" -ne 33 ] || rm -f -- "$part"
    return 1
  fi
  [ -z "$headers" ] || fail 21 'this storage wants headers, which wget would show in the process list: install curl'
  limit=
  if [ -n "$timeout" ] && command -v timeout >/dev/null 2>&1; then limit="timeout $timeout"; fi
  # shellcheck disable=SC2086
  printf '%s\n' "$url" | $limit wget --no-config --input-file=- --quiet --tries=1 --connect-timeout=15 --read-timeout=60 \
    ${rate_limit:+--limit-rate="$rate_limit"} --continue --output-document="$part" || {
    status=$?
    # GNU wget: 8 is an error that the server sent.
    [ "$status" -ne 8 ] || return 2
    return 1
  }
}

# One process at a time writes the part that is downloaded; the others wait for what it gets.
lock_part() {
  waited=
  seen=
  still=0
  until mkdir -- "$part.lock" 2>/dev/null; do
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

fetch() {
  # shellcheck disable=SC2086
  set -- $delays
  total=$#
  while :; do
    had=$(bytes "$part")
    if [ "$had" -gt "$size" ]; then rm -f -- "$part"; had=0; fi
    [ "$had" -eq 0 ] || say "going on with $archive at byte $had of $size"
    status=0
    if [ "$had" -lt "$size" ]; then download || status=$?; fi
    if [ "$status" -eq 0 ]; then
      if verified "$part"; then return 0; fi
      if [ "$(bytes "$part")" -ge "$size" ]; then
        rm -f -- "$part"
        wrong=1
      fi
    fi
    if [ "$status" -eq 2 ] || [ $# -eq 0 ]; then
      [ -z "${wrong:-}" ] || fail 22 "$archive in storage is not what was uploaded: its size or SHA-256 differs from the manifest's. Deploy with netStorage.reuseArchive: false to build it anew"
      fail 21 "cannot fetch $archive from storage"
    fi
    say "trying to fetch $archive again, $((total - $# + 1)) of $total, in $1 seconds"
    # A shell whose sleep knows whole seconds only waits a little longer.
    sleep "$1" 2>/dev/null || sleep $((${1%%.*} + 1))
    shift
  done
}

unpack() {
  rm -rf -- "$1"
  mkdir -- "$1"
  archive_file=$file
  target=$1
  eval "$unpack_command" || {
    rm -rf -- "$1"
    fail 23 "cannot unpack $archive: is the disk full?"
  }
  printf '%s\n' "$revision" >"$1/REVISION"
  printf '%s\n' "$revision_time" >"$1/REVISION_TIME"
}

if [ "$purpose" = stage ] && [ -d "releases/$release" ]; then
  existing=
  if [ -f "releases/$release/REVISION" ]; then IFS= read -r existing <"releases/$release/REVISION" || :; fi
  [ "$existing" = "$revision" ] || fail 25 "release $release is there already, of another commit"
  say "release $release is here"
  exit 0
fi

if [ -d "$ahead" ] && [ "$purpose" != prefetch ]; then
  [ "$purpose" = extract ] || { rm -rf -- "$staging" && mv -- "$ahead" "$staging"; }
  say "$archive was unpacked ahead of time"
  exit 0
fi

room=0
[ "$purpose" = prefetch ] || room=$unpacked_size
if verified "$file"; then
  check_space "$room"
  say "a verified copy of $archive is here"
else
  check_space $((room + size - $(bytes "$part")))
  lock_part
  if verified "$file"; then
    say "another deploy has fetched $archive"
  else
    rm -f -- "$file"
    fetch
    mv -f -- "$part" "$file"
    say "fetched and verified $archive ($size bytes)"
  fi
  unlock_part
fi

case $purpose in
  stage)
    unpack "$staging"
    rm -f -- "$file.prefetched"
    ;;
  extract)
    # The name stands for a whole tree: it is given last.
    unpack "$ahead.part-$$"
    mv -- "$ahead.part-$$" "$ahead"
    : >"$file.prefetched"
    ;;
  prefetch) : >"$file.prefetched" ;;
esac
