# Reports the revisions whose archives were prefetched. Read-only.
# Variables: deploy_to, archives_path

cd -- "$deploy_to" 2>/dev/null || exit 0
for file in "$archives_path"/*.prefetched; do
  [ -f "$file" ] || continue
  name=${file##*/}
  fact revision "${name%%-*}"
done
