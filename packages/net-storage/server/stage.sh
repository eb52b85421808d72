# Stages a release from an archive, or prepares for that: fetches the archive unless a verified copy exists, verifies it, and
# unpacks it beside the releases.
# Needs: download fetch
# Variables: deploy_to, purpose (stage: unpack for release; prefetch: fetch only; extract: unpack in advance), release, revision,
#            revision_time, archives_path, unpack_command, unpacked_size (bytes), and those of lib/download.sh and lib/fetch.sh

mkdir -p -- "$deploy_to/releases" || fail "$E_FOLDER" "cannot create the folder $deploy_to/releases"
cd -- "$deploy_to"
mkdir -p -- "$archives_path" || fail "$E_FOLDER" "cannot create the folder $archives_path"
file=$archives_path/$archive
part=$file.part
staging=releases/.staging-$release
# Exactly this archive, unpacked in advance.
ahead=releases/.prefetched-$sha256

# Fails before anything is written if the disk is too full. Skipped if df reports nothing.
check_space() {
  free=$(df -Pk . 2>/dev/null | sed -n '2s/.* \([0-9]\{1,\}\) \{1,\}[0-9]\{1,\}%.*/\1/p' 2>/dev/null) || free=
  [ -n "$free" ] || return 0
  needed=$((($1 + 1023) / 1024))
  [ "$free" -ge "$needed" ] || fail "$E_SPACE" "the disk of $deploy_to has $((free / 1024)) MB free, but this release needs $((needed / 1024)) MB: free some space, or lower keepReleases"
}

unpack() {
  step unpack
  rm -rf -- "$1"
  mkdir -- "$1"
  archive_file=$file
  target=$1
  eval "$unpack_command" || {
    rm -rf -- "$1"
    fail "$E_UNPACK" "cannot unpack $archive: is the disk full?"
  }
  printf '%s\n' "$revision" >"$1/REVISION"
  printf '%s\n' "$revision_time" >"$1/REVISION_TIME"
}

if [ "$purpose" = stage ] && [ -d "releases/$release" ]; then
  existing=
  if [ -f "releases/$release/REVISION" ]; then IFS= read -r existing <"releases/$release/REVISION" || :; fi
  [ "$existing" = "$revision" ] || fail "$E_RELEASE_EXISTS" "release $release already exists, for another commit"
  say "release $release already exists"
  exit 0
fi

if [ -d "$ahead" ] && [ "$purpose" != prefetch ]; then
  [ "$purpose" = extract ] || { rm -rf -- "$staging" && mv -- "$ahead" "$staging"; }
  say "$archive was unpacked in advance"
  exit 0
fi

step verify
room=0
[ "$purpose" = prefetch ] || room=$unpacked_size
if verified "$file"; then
  check_space "$room"
  say "found a verified copy of $archive"
else
  check_space $((room + size - $(downloaded)))
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
    # The final name promises a complete tree: rename last.
    unpack "$ahead.part-$$"
    mv -- "$ahead.part-$$" "$ahead"
    : >"$file.prefetched"
    ;;
  prefetch) : >"$file.prefetched" ;;
esac
