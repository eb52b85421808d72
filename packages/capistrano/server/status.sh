# Tells what is live, how it came there, and how many releases are kept. Changes nothing. Stands behind live.sh.
# Variables: deploy_to

[ -d "$deploy_to" ] || exit 0
cd -- "$deploy_to"
count=0
for release in releases/*; do
  if is_release "${release##*/}"; then count=$((count + 1)); fi
done
fact releases "$count"

current=$(current_target)
[ -n "$current" ] || exit 0
release=${current##*/}
fact current "$release"
fact revision "$(revision_of "$release")"
if [ -f deploys.jsonl ]; then
  # A run may have failed behind the moment when it made its release live.
  records=$(grep -F "\"release\":\"$release\"" deploys.jsonl) || records=
  record=$(printf '%s\n' "$records" | grep -F '"result":"succeeded"' | tail -n 1) || :
  [ -n "$record" ] || record=$(printf '%s\n' "$records" | tail -n 1)
  fact record "$record"
fi
