# Makes an unpacked release a release, in one step.
# Variables: deploy_to, release

cd -- "$deploy_to/releases"
if [ -d "$release" ] && [ ! -d ".staging-$release" ]; then exit 0; fi
[ ! -e "$release" ] || fail 25 "release $release is there already"
mv -- ".staging-$release" "$release"
