# Tells what a server lacks to fetch, verify and unpack an archive, and fetches a small object as it would an archive.
# Stands behind download.sh and fetch.sh. Leaves nothing behind.
# Variables: deploy_to, archives_path, programs (words), object (empty: nothing is fetched), and those of download.sh and
#            fetch.sh but part

missing=
lack() { missing="$missing${missing:+; }$1"; }

for program in $programs; do
  has "$program" || lack "$program"
done
has openssl || has sha256sum || has shasum || lack 'sha256sum, shasum or openssl'
[ -z "$missing" ] || fail 20 "these programs are missing: $missing"

# What is below deploy_to may not be there yet: deploy:check:directories sees to that.
case $archives_path in
  /*) mkdir -p -- "$archives_path" || fail 10 "cannot make the folder $archives_path: check the owner and mode of the folders above it, or netStorage.archivesPath" ;;
  *) archives_path=$deploy_to/$archives_path ;;
esac
[ ! -d "$archives_path" ] || can_write "$archives_path" ||
  fail 10 "cannot write to $archives_path: check its owner and mode, or netStorage.archivesPath"

[ -n "$object" ] || exit 0
folder=${TMPDIR:-/tmp}/net-storage-check.$$
mkdir -m 700 -- "$folder" || fail 10 "cannot make the folder $folder"
trap 'rm -rf -- "$folder"' EXIT
part=$folder/object
fetch
