# Adds a line to the log of revisions.
# Variables: deploy_to, line

cd -- "$deploy_to"
printf '%s\n' "$line" >>revisions.log
