# Tells which releases are there, and which of them is live.
# Variables: deploy_to

cd -- "$deploy_to"
if [ -L current ]; then
  target=$(readlink current)
  fact current "${target##*/}"
fi

for release in releases/*; do
  [ -d "$release" ] && [ ! -L "$release" ] || continue
  revision=
  if [ -f "$release/REVISION" ]; then IFS= read -r revision <"$release/REVISION" || :; fi
  fact release "${release##*/} $revision"
done
