# Adds a line to the log of revisions, if one is given, and one to the log of deploys.
# Variables: deploy_to, line (or empty), record (JSON)

cd -- "$deploy_to"
[ -z "$line" ] || printf '%s\n' "$line" >>revisions.log
printf '%s\n' "$record" >>deploys.jsonl
