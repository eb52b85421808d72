# Links shared files or folders into a release, replacing the release's own.
# Variables: deploy_to, release, kind (file or folder), paths (one per line)

step link
cd -- "$deploy_to/releases"
# Before the release is finished, it is still staged.
if [ -d ".staging-$release" ]; then directory=.staging-$release; else directory=$release; fi
cd -- "$directory" || fail "$E_NO_RELEASE" "there is no release $release in $deploy_to/releases"

printf '%s\n' "$paths" | while IFS= read -r path; do
  parent=.
  # Relative, one .. per folder level, so that the application can be moved as a whole.
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
    # A correct link may be live: leave it alone.
    [ "$(readlink "$path")" != "${up}shared/$path" ] || continue
    rm -f -- "$path"
  fi
  if [ "$kind" = folder ]; then rm -rf -- "$path"; elif [ -e "$path" ]; then rm -f -- "$path"; fi
  ln -s -- "${up}shared/$path" "$path" || fail "$E_LINK" "cannot link $deploy_to/releases/$directory/$path: is there a folder with that name?"
done
