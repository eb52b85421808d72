# Reports the releases, those that went live, in that order, and the live one. Changes nothing.
# Needs: releases
# Variables: deploy_to, with_record (not empty: also reports the live release's deploy log record)

step check
# Nothing deployed yet.
[ -d "$deploy_to" ] || exit 0
cd -- "$deploy_to"
for name in $(went_live); do fact live "$name"; done
for release in releases/*; do
  name=${release##*/}
  if is_release "$name"; then fact release "$name $(revision_of "$name")"; fi
done

current=$(current_target)
[ -n "$current" ] || exit 0
release=${current##*/}
fact current "$release"
# Read through current, which may point outside releases.
if [ -f current/REVISION ]; then
  IFS= read -r revision <current/REVISION || :
  fact revision "$revision"
fi
if [ -n "$with_record" ] && [ -f deploys.jsonl ]; then
  # A run may have failed after its release went live.
  records=$(grep -F "\"release\":\"$release\"" deploys.jsonl) || records=
  record=$(printf '%s\n' "$records" | grep -F '"result":"succeeded"' | tail -n 1) || :
  [ -n "$record" ] || record=$(printf '%s\n' "$records" | tail -n 1)
  fact record "$record"
fi
