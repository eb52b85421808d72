# Tells the revision that is live.
# Variables: deploy_to

file=$deploy_to/current/REVISION
if [ -f "$file" ]; then
  IFS= read -r revision <"$file" || :
  fact revision "$revision"
fi
