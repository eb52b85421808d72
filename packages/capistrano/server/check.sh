# Makes the application's folders, proves that they can be written, and tells which releases are there.
# Variables: deploy_to

mkdir -p -- "$deploy_to" || fail 10 "cannot make the folder $deploy_to: check the owner and mode of the folders above it, or deployTo"
cd -- "$deploy_to" || fail 10 "cannot enter $deploy_to"
mkdir -p releases shared || fail 10 "cannot write to $deploy_to: check its owner and mode, and that its disk is not mounted read-only"

probe=releases/.probe-$$
: >"$probe" && rm -f "$probe" || fail 10 "cannot write to $deploy_to/releases: check its owner and mode, and that its disk is not full"

if [ -L current ]; then
  target=$(readlink current)
  fact current "${target##*/}"
elif [ -e current ]; then
  fail 11 "$deploy_to/current is not a symbolic link: move it out of the way, it will be a link to the current release"
fi

for release in releases/*; do
  [ -d "$release" ] && [ ! -L "$release" ] || continue
  revision=
  if [ -f "$release/REVISION" ]; then IFS= read -r revision <"$release/REVISION" || :; fi
  fact release "${release##*/} $revision"
done
