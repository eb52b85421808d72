# Checks that shared files exist.
# Variables: deploy_to, files (one per line)

step check
missing=$(printf '%s\n' "$files" | while IFS= read -r file; do
  [ -e "$deploy_to/shared/$file" ] || printf '%s ' "$deploy_to/shared/$file"
done)
[ -z "$missing" ] || fail "$E_LINKED_FILES" "missing: ${missing% }. Create them, or remove them from linkedFiles"
