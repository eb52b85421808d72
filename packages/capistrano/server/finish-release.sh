# Makes what was copied a release, in one step.
# Variables: deploy_to, release, revision (or empty)

cd -- "$deploy_to/releases"
staging=.staging-$release
if [ -n "$revision" ]; then printf '%s\n' "$revision" >"$staging/REVISION"; fi
[ ! -e "$release" ] || fail 25 "release $release is there already"
mv -- "$staging" "$release"
