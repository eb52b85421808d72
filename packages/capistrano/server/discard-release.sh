# Removes a release that did not go live, complete or not.
# Needs: releases
# Variables: deploy_to, release

step clean
cd -- "$deploy_to" 2>/dev/null || exit 0
rm -rf -- "releases/.staging-$release"
is_release "$release" || exit 0
for name in $(went_live); do
  [ "$name" != "$release" ] || exit 0
done
mv -- "releases/$release" "releases/.removed-$release"
rm -rf -- "releases/.removed-$release"
say "removed release $release, which did not go live"
