# Reports which releases are there, which of them went live, in that order, and which is live now. Changes nothing.
# Needs: releases
# Variables: deploy_to, with_record (not empty: reports what the deploy log has of the live one, too)

# Nothing was deployed here yet.
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
# It may be elsewhere, where somebody else made it live.
if [ -f current/REVISION ]; then
  IFS= read -r revision <current/REVISION || :
  fact revision "$revision"
fi
if [ -n "$with_record" ] && [ -f deploys.jsonl ]; then
  # A run may have failed behind the moment when it made its release live.
  records=$(grep -F "\"release\":\"$release\"" deploys.jsonl) || records=
  record=$(printf '%s\n' "$records" | grep -F '"result":"succeeded"' | tail -n 1) || :
  [ -n "$record" ] || record=$(printf '%s\n' "$records" | tail -n 1)
  fact record "$record"
fi
