# Links shared files or folders into a release, in place of what the release has there.
# Variables: deploy_to, release, kind (file or folder), paths (one a line)

cd -- "$deploy_to/releases"
# A pull deploy links while the release is still being made.
if [ -d ".staging-$release" ]; then directory=.staging-$release; else directory=$release; fi
cd -- "$directory" || fail "$E_NO_RELEASE" "there is no release $release in $deploy_to/releases"

printf '%s\n' "$paths" | while IFS= read -r path; do
  parent=.
  # One folder up for each folder that the link is in, so that the application may move as a whole.
  up=../../
  case $path in
    */*)
      parent=${path%/*}
      mkdir -p -- "$parent"
      rest=$parent/
      while [ -n "$rest" ]; do
        up=../$up
        rest=${rest#*/}
      done
      ;;
  esac
  if [ -L "$path" ]; then
    # What is right already may be live: it is left alone.
    [ "$(readlink "$path")" != "${up}shared/$path" ] || continue
    rm -f -- "$path"
  fi
  if [ "$kind" = folder ]; then rm -rf -- "$path"; elif [ -e "$path" ]; then rm -f -- "$path"; fi
  ln -s -- "${up}shared/$path" "$path" || fail "$E_LINK" "cannot link $deploy_to/releases/$directory/$path: is there a folder of that name?"
done
