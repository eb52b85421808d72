# Makes a staged release a release, in one step. One that is there already is left alone.
# Variables: deploy_to, release, revision (empty: its REVISION is there, or it has none)

cd -- "$deploy_to/releases"
staging=.staging-$release
if [ -d "$release" ] && [ ! -d "$staging" ]; then exit 0; fi
if [ -n "$revision" ]; then printf '%s\n' "$revision" >"$staging/REVISION"; fi
[ ! -e "$release" ] || fail "$E_RELEASE_EXISTS" "release $release is there already"
mv -- "$staging" "$release"
