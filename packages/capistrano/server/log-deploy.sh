# Appends to revisions.log and deploys.jsonl.
# Variables: deploy_to, line (for revisions.log, or empty), record (JSON)

step clean
cd -- "$deploy_to"
[ -z "$line" ] || printf '%s\n' "$line" >>revisions.log
printf '%s\n' "$record" >>deploys.jsonl
