# Tells which releases are there, which of them went live, in that order, and which is live now. Stands behind live.sh.
# Variables: deploy_to

# Nothing was deployed here yet.
[ -d "$deploy_to" ] || exit 0
cd -- "$deploy_to"
current=$(current_target)
[ -z "$current" ] || fact current "${current##*/}"
for name in $(went_live); do fact live "$name"; done
for release in releases/*; do
  name=${release##*/}
  if is_release "$name"; then fact release "$name $(revision_of "$name")"; fi
done
