# Turns a staged release into a release, atomically. Does nothing if that has been done.
# Variables: deploy_to, release, revision (empty: it already has a REVISION, or needs none)

step link
cd -- "$deploy_to/releases"
staging=.staging-$release
if [ -d "$release" ] && [ ! -d "$staging" ]; then exit 0; fi
if [ -n "$revision" ]; then printf '%s\n' "$revision" >"$staging/REVISION"; fi
[ ! -e "$release" ] || fail "$E_RELEASE_EXISTS" "release $release already exists"
mv -- "$staging" "$release"
