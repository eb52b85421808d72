# Makes the folder that a release is copied into, beside the releases, with what is live now as its base.
# Variables: deploy_to, release, copy (options for cp, or empty: nothing is copied)

cd -- "$deploy_to/releases"
staging=.staging-$release
rm -rf -- "$staging"
mkdir -- "$staging"
if [ -n "$copy" ] && [ -d ../current ]; then
  # The options are several words, as shipit-deploy has them.
  # shellcheck disable=SC2086
  cp $copy ../current/. "$staging" || fail "$E_COPY" "cannot copy the current release: is the disk full?"
  rm -f -- "$staging/REVISION" "$staging/REVISION_TIME"
fi
