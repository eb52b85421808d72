# Points current at a release in one step, and tells what it pointed at before.
# Variables: deploy_to, release (empty: take current away)

cd -- "$deploy_to"
if [ -L current ]; then
  previous=$(readlink current)
  fact previous "${previous##*/}"
elif [ -e current ]; then
  fail 11 "$deploy_to/current is not a symbolic link: move it out of the way"
fi

if [ -z "$release" ]; then
  rm -f current
  exit 0
fi
[ -d "releases/$release" ] || fail 12 "there is no release $release in $deploy_to/releases"

link=.current-$release-$$
ln -s "releases/$release" "$link"
mv -fT "$link" current || {
  rm -f "$link"
  fail 13 "cannot replace $deploy_to/current"
}
say "current is release $release"
