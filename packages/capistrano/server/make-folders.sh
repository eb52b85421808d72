# Makes folders in the application's folder.
# Variables: deploy_to, folders (one a line)

mkdir -p -- "$deploy_to" || fail 10 "cannot make the folder $deploy_to: check the owner and mode of the folders above it, or deployTo"
cd -- "$deploy_to"
printf '%s\n' "$folders" | while IFS= read -r folder; do
  mkdir -p -- "$folder" || fail 10 "cannot make the folder $deploy_to/$folder: check the owner and mode of $deploy_to"
done
