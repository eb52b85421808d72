# Removes old releases: keeps the current one and the most recently live ones. A release that never went live is useless once
# a later one is live.
# Needs: releases
# Variables: deploy_to, keep_releases, remove (another release to remove, or empty)

step clean
cd -- "$deploy_to"
current=$(current_target)
current=${current##*/}

remove_release() {
  is_release "$1" && [ "$1" != "$current" ] || return 0
  # Renamed first, so that a half-removed release never looks like a release.
  mv -- "releases/$1" "releases/.removed-$1"
  rm -rf -- "releases/.removed-$1"
  say "removed release $1"
}

remove_release "$remove"

# Most recently live first.
latest_first=
for name in $(went_live); do latest_first="$name $latest_first"; done
kept=' '
count=0
for name in $latest_first; do
  case $kept in *" $name "*) continue ;; esac
  [ "$count" -lt "$keep_releases" ] || break
  kept="$kept$name "
  count=$((count + 1))
done

# A deploy that began after the current release may be about to publish its own.
is_older() { is_release "$current" && [ "$1" -lt "$current" ]; }

for release in releases/*; do
  name=${release##*/}
  is_release "$name" || continue
  case $kept in *" $name "*) continue ;; esac
  case " $latest_first" in *" $name "*) ;; *) is_older "$name" || continue ;; esac
  remove_release "$name"
done

# Leftovers of interrupted runs.
for folder in releases/.staging-*; do
  name=${folder##*/.staging-}
  case $name in '' | *[!0-9]*) continue ;; esac
  if is_older "$name"; then rm -rf -- "$folder"; fi
done
find releases -maxdepth 1 -name '.removed-[0-9]*' -type d -exec rm -rf -- {} +
