# Reports what a server lacks to fetch, verify and unpack an archive, and fetches a small object the way it fetches archives.
# Leaves nothing behind.
# Needs: download fetch
# Variables: deploy_to, archives_path, programs (words), object (empty: fetch nothing), and those of lib/download.sh and
#            lib/fetch.sh except part

step check
missing=
lack() { missing="$missing${missing:+; }$1"; }

for program in $programs; do
  has "$program" || lack "$program"
done
has openssl || has sha256sum || has shasum || lack 'sha256sum, shasum or openssl'
[ -z "$missing" ] || fail "$E_PROGRAMS" "these programs are missing: $missing"

# A folder below deploy_to may not exist yet: deploy:check:directories checks that it can be created.
case $archives_path in
  /*) mkdir -p -- "$archives_path" || fail "$E_FOLDER" "cannot create the folder $archives_path: check the owner and mode of its parent folders, or netStorage.archivesPath" ;;
  *) archives_path=$deploy_to/$archives_path ;;
esac
[ ! -d "$archives_path" ] || can_write "$archives_path" ||
  fail "$E_FOLDER" "cannot write to $archives_path: check its owner and mode, or netStorage.archivesPath"

[ -n "$object" ] || exit 0
folder=${TMPDIR:-/tmp}/net-storage-check.$$
mkdir -m 700 -- "$folder" || fail "$E_FOLDER" "cannot create the folder $folder"
trap 'rm -rf -- "$folder"' EXIT
part=$folder/object
fetch
