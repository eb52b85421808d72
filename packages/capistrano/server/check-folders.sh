# Creates the application's folders, and verifies that they are writable.
# Variables: deploy_to, folders (relative to it, one per line)

step check
mkdir -p -- "$deploy_to" || fail "$E_FOLDER" "cannot create $deploy_to: check the owner and mode of its parent folders, or deployTo"
cd -- "$deploy_to" || fail "$E_FOLDER" "cannot enter $deploy_to"
can_write . || fail "$E_FOLDER" "cannot write to $deploy_to: check its owner and mode, and that its disk is neither full nor mounted read-only"
printf '%s\n' "$folders" | while IFS= read -r folder; do
  mkdir -p -- "$folder" || fail "$E_FOLDER" "cannot create $deploy_to/$folder: check the owner and mode of $deploy_to"
  [ "$folder" != releases ] || can_write releases || fail "$E_FOLDER" "cannot write to $deploy_to/releases: check its owner and mode"
done
if [ -e current ] && [ ! -L current ]; then
  fail "$E_CURRENT" "$deploy_to/current is not a symbolic link: move it out of the way"
fi
