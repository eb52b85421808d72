# Tells which release is live, and its revision. Changes nothing.
# Variables: deploy_to

current=$deploy_to/current
[ -L "$current" ] || exit 0
target=$(readlink "$current")
fact current "${target##*/}"
if [ -f "$current/REVISION" ]; then
  IFS= read -r revision <"$current/REVISION" || :
  fact revision "$revision"
fi
