# Makes an unpacked release a release, in one step.
# Variables: deploy_to, release

cd -- "$deploy_to/releases"
[ ! -e "$release" ] || fail 25 "release $release is there already"
mv -- ".staging-$release" "$release"
