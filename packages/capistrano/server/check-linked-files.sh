# Checks that shared files are there.
# Variables: deploy_to, files (one a line)

missing=$(printf '%s\n' "$files" | while IFS= read -r file; do
  [ -e "$deploy_to/shared/$file" ] || printf '%s ' "$deploy_to/shared/$file"
done)
[ -z "$missing" ] || fail "$E_LINKED_FILES" "missing: ${missing% }. Put them there, or take them out of linkedFiles"
