# Tells what a server lacks to fetch, verify and unpack an archive, and fetches a small object as it would an archive.
# Stands behind download.sh and fetch.sh. Leaves nothing behind.
# Variables: programs (words), and those of download.sh and fetch.sh but part

missing=
lack() { missing="$missing${missing:+; }$1"; }

for program in $programs; do
  has "$program" || lack "$program"
done
has openssl || has sha256sum || has shasum || lack 'sha256sum, shasum or openssl'
[ -z "$missing" ] || fail 20 "these programs are missing: $missing"

folder=${TMPDIR:-/tmp}/net-storage-check.$$
mkdir -m 700 -- "$folder" || fail 10 "cannot make the folder $folder"
trap 'rm -rf -- "$folder"' EXIT
part=$folder/object
fetch
