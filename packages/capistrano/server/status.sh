# Tells what is live, how it came there, and how many releases are kept. Changes nothing.
# Variables: deploy_to

[ -d "$deploy_to" ] || exit 0
cd -- "$deploy_to"
count=0
for release in releases/*; do
  [ -d "$release" ] && count=$((count + 1))
done
fact releases "$count"

[ -L current ] || exit 0
target=$(readlink current)
release=${target##*/}
fact current "$release"
if [ -f current/REVISION ]; then
  IFS= read -r revision <current/REVISION || :
  fact revision "$revision"
fi
if [ -f deploys.jsonl ]; then
  record=$(grep -F "\"release\":\"$release\"" deploys.jsonl | grep -F '"result":"succeeded"' | tail -n 1) || :
  fact record "$record"
fi
