# Creates a release's staging folder, with a copy of the live release as its base.
# Variables: deploy_to, release, copy (options for cp; empty: copy nothing)

step copy
cd -- "$deploy_to/releases"
staging=.staging-$release
rm -rf -- "$staging"
mkdir -- "$staging"
if [ -n "$copy" ] && [ -d ../current ]; then
  # Several words, as in shipit-deploy.
  # shellcheck disable=SC2086
  cp $copy ../current/. "$staging" || fail "$E_COPY" "cannot copy the current release: is the disk full?"
  rm -f -- "$staging/REVISION" "$staging/REVISION_TIME"
fi
