# Removes archives that no release on this server was made from, and reports the revisions of its releases.
# Variables: deploy_to, archives_path

step clean
# Nothing deployed yet.
cd -- "$deploy_to" 2>/dev/null || exit 0
revisions=' '
for file in releases/*/REVISION; do
  [ -f "$file" ] || continue
  IFS= read -r revision <"$file" || :
  [ -n "$revision" ] || continue
  revisions="$revisions$revision "
  fact revision "$revision"
done

[ -d "$archives_path" ] || exit 0
# Only touch files named like archives: there may be others.
digit='[0-9]'
archives="?*-$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit$digit*.?*"
# Prefetched archives are kept for a week.
find "$archives_path" -maxdepth 1 -name "$archives.prefetched" -type f -mtime +6 -exec rm -f -- {} +
find releases -maxdepth 1 -name '.prefetched-*' -type d -mtime +6 -exec rm -rf -- {} +
for file in "$archives_path"/*; do
  [ -f "$file" ] || continue
  name=${file##*/}
  case $name in
    *.part | *.part.* | *.prefetched) continue ;;
    $archives) ;;
    *) continue ;;
  esac
  if [ -f "$file.prefetched" ]; then
    fact revision "${name%%-*}"
    continue
  fi
  case $revisions in
    *" ${name%%-*} "*) ;;
    *)
      rm -f -- "$file"
      say "removed archive $name"
      ;;
  esac
done
# The one-day grace period spares running downloads.
find "$archives_path" -maxdepth 1 -name "$archives.part*" -type f -mtime +0 -exec rm -f -- {} +
