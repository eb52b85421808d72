# Removes old releases: keeps the newest ones, and always the current one.
# Variables: deploy_to, keep_releases, remove (one release to remove as well, or empty)

cd -- "$deploy_to"
current=
if [ -L current ]; then
  current=$(readlink current)
  current=${current##*/}
fi

remove_release() {
  [ -n "$1" ] && [ "$1" != "$current" ] && [ -d "releases/$1" ] || return 0
  # Renamed first, so that nothing ever takes a half-removed release for a release.
  mv -- "releases/$1" "releases/.removed-$1"
  rm -rf -- "releases/.removed-$1"
  say "removed release $1"
}

remove_release "$remove"

count=0
for release in releases/*; do
  [ -d "$release" ] && count=$((count + 1))
done
# The shell sorts, and names are times: oldest first.
for release in releases/*; do
  [ -d "$release" ] || continue
  [ "$count" -gt "$keep_releases" ] || break
  count=$((count - 1))
  remove_release "${release##*/}"
done

# What interrupted runs left behind. A day's grace spares a run that is under way.
find releases -maxdepth 1 -name '.*-*' ! -name '.prefetched-*' -type d -mtime +0 -exec rm -rf -- {} +
