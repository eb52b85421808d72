# Tries once to download an object to a file, resuming where the previous attempt stopped.
# Variables: part (the file), size (bytes), connections (maximum parallel ranges), timeout and rate_limit (seconds and bytes per
#            second, or empty), and the source: url, headers (may be empty), curl_config and ca (certificates to trust instead of
#            the system's, or empty); or command (words, quoted) that writes to standard output; or relayed (not empty: the object
#            arrives on standard input)
# Functions: download, downloaded, forget_part; has PROGRAM, bytes FILE
# Sets: answer (storage's last HTTP status, or empty), no_ranges (1: storage does not support range requests)

has() { command -v "$1" >/dev/null 2>&1; }

bytes() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }

# Status 0: complete. 1: worth retrying. 2: storage refuses. 3: the object is shorter than expected.
download() {
  answer=
  if [ "$(bytes "$part")" -gt "$size" ]; then forget_part; fi
  if [ -n "$relayed" ]; then
    forget_part
    cat >"$part" || return 1
    return 0
  fi
  if [ -n "$command" ]; then
    forget_part
    eval "$command" >"$part" </dev/null || return 1
    return 0
  fi
  has curl || can_use_wget || fail "$E_NO_DOWNLOADER" "neither curl nor GNU wget is installed"
  [ -z "$ca" ] || printf '%s\n' "$ca" >"$part.ca"
  result=0
  if has curl && in_ranges; then download_in_ranges || result=$?
  else
    # A file fetched in ranges has holes.
    [ ! -f "$part.ranges" ] || forget_part
    if [ "$(bytes "$part")" -eq "$size" ]; then :
    elif has curl; then download_with_curl || result=$?
    else download_with_wget || result=$?
    fi
  fi
  rm -f -- "$part.ca"
  return "$result"
}

# Prints the number of bytes downloaded so far.
downloaded() {
  if [ ! -f "$part.ranges" ]; then bytes "$part"; return; fi
  sum=0
  while read -r first length; do sum=$((sum + length)); done <"$part.ranges"
  echo "$sum"
}

forget_part() { rm -f -- "$part" "$part.ranges" "$part".range-*; }

# Maps storage's HTTP status to a status of download.
outcome() {
  case $1 in
    408 | 429) return 1 ;;
    416) return 3 ;;
    4??) return 2 ;;
  esac
  return 1
}

# A builtin pipes the URL to curl: it never appears in a process list or file.
curl_quietly() {
  printf '%s\n' "$curl_config" | curl --disable --config - --fail --silent --show-error --location --connect-timeout 15 \
    --speed-limit 1 --speed-time 60 ${ca:+--cacert "$part.ca"} "$@"
}

download_with_curl() {
  answer=$(curl_quietly ${timeout:+--max-time "$timeout"} ${rate_limit:+--limit-rate "$rate_limit"} \
    --continue-at - --output "$part" --write-out '%{http_code}') && return 0
  # 33: storage can't resume.
  [ "$?" -ne 33 ] || forget_part
  outcome "$answer"
}

# Other wgets take the URL, and all of them take headers, only as arguments, which a process list shows.
can_use_wget() { [ -z "$headers" ] && has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; }

download_with_wget() {
  limit=
  if [ -n "$timeout" ] && has timeout; then limit="timeout $timeout"; fi
  # shellcheck disable=SC2086
  answer=$(printf '%s\n' "$url" | $limit wget --no-config --input-file=- --no-verbose --server-response --tries=1 \
    --connect-timeout=15 --read-timeout=60 ${rate_limit:+--limit-rate="$rate_limit"} ${ca:+--ca-certificate="$part.ca"} \
    --continue --output-document="$part" 2>&1) && return 0
  # The status of the last response, after redirects.
  answer=$(printf '%s\n' "$answer" | sed -n 's/^ *HTTP\/[0-9.]* \([0-9]\{3\}\).*/\1/p' | sed -n '$p')
  outcome "$answer"
}

# Downloads several ranges in parallel. Each is written to its place in the file, then added to a list of finished ranges. A file
# without a list is the beginning of the archive.
#
#   $part          |#########|#########|####.....|#########|.........|     # is data, . is a hole
#   ranges of       0         span      2*span    3*span    4*span
#   $part.ranges   `0 span`, `span span`, `2*span came`, `3*span span`     first byte, length: whole blocks only
#   fetched by      worker 0  worker 1  worker 0  worker 1  worker 0       with two connections
block=65536
smallest_in_ranges=$((64 * 1024 * 1024))

curl_note='%{stderr}\n%{http_code} %{size_download}\n'

# curl before 7.63 can't report a range's outcome without writing it into the range.
in_ranges() {
  [ "$connections" -gt 1 ] && [ "$size" -gt "$smallest_in_ranges" ] && [ -z "$timeout$rate_limit${no_ranges:-}" ] && has dd &&
    [ -z "$(curl --disable --silent --write-out "$curl_note" file:///dev/null 2>/dev/null)" ]
}

download_in_ranges() {
  if [ ! -f "$part.ranges" ]; then
    beginning=$(($(bytes "$part") / block * block))
    echo "0 $beginning" >"$part.ranges"
  fi
  # Even shares, but small enough that little is lost when one fails.
  span=$(((size / connections / block + 1) * block))
  [ "$span" -le "$smallest_in_ranges" ] || span=$smallest_in_ranges
  # shellcheck disable=SC2046
  set -- $(missing_ranges)
  workers=
  worker=0
  while [ "$worker" -lt "$connections" ]; do
    download_share "$worker" "$@" &
    workers="$workers $!"
    worker=$((worker + 1))
  done
  result=0
  for worker in $workers; do
    wait "$worker" || {
      status=$?
      [ "$status" -le "$result" ] || result=$status
    }
  done
  case $result in
    0) rm -f -- "$part.ranges" ;;
    2) answer=$(cat -- "$part".range-* 2>/dev/null | sed -n 's/^\(4[0-9][0-9]\) [0-9]*$/\1/p' | sed -n '$p') ;;
    4)
      say 'storage does not support range requests'
      no_ranges=1
      forget_part
      result=0
      download_with_curl || result=$?
      ;;
  esac
  rm -f -- "$part".range-*
  return "$result"
}

# Prints `first-last` of each missing range.
missing_ranges() {
  at=0
  while [ "$at" -lt "$size" ]; do
    length=$(sed -n "s/^$at //p" "$part.ranges" | sed -n '$p')
    if [ "${length:-0}" -gt 0 ]; then
      at=$((at + length))
    else
      end=$((at - at % span + span))
      [ "$end" -le "$size" ] || end=$size
      echo "$at-$((end - 1))"
      at=$end
    fi
  done
}

# Fetches every `connections`-th range, starting with number $1 (from 0).
download_share() {
  turn=$1
  shift
  for range; do
    if [ "$turn" -eq 0 ]; then
      download_range "${range%-*}" "${range#*-}" || return
      turn=$connections
    fi
    turn=$((turn - 1))
  done
}

# Status 4: storage does not support range requests.
download_range() {
  note=$part.range-$1
  length=$(($2 - $1 + 1))
  failed=0
  # dd copies nothing: it seeks to the range's place in the file, where curl then writes.
  {
    dd bs="$block" seek=$(($1 / block)) count=0 conv=notrunc </dev/null 2>/dev/null &&
      curl_quietly --range "$1-$2" --max-filesize "$length" --write-out "$curl_note" 2>"$note"
  } 1<>"$part" || failed=$?
  answer=
  came=0
  # shellcheck disable=SC2046
  set -- "$1" "$length" $(sed -n '$p' "$note")
  answer=${3:-}
  came=${4:-0}
  [ "$failed" -eq 0 ] || sed '$d' "$note" >&2
  case $answer in
    206) ;;
    200) return 4 ;;
    *) outcome "$answer" || return ;;
  esac
  # 23: the write failed.
  [ "$failed" -ne 23 ] || return 1
  # A failed range is resumed at a block boundary.
  [ "$came" -eq "$2" ] || came=$((came / block * block))
  [ "$came" -eq 0 ] || printf '%s %s\n' "$1" "$came" >>"$part.ranges"
  [ "$came" -eq "$2" ]
}
