# Tells what a server lacks to fetch, verify and unpack an archive. Changes nothing.
# Variables: programs (words)

missing=
lack() { missing="$missing${missing:+; }$1"; }
has() { command -v "$1" >/dev/null 2>&1; }

for program in $programs; do
  has "$program" || lack "$program"
done
has sha256sum || has shasum || has openssl || lack 'sha256sum, shasum or openssl'
has curl || { has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; } || lack 'curl or GNU wget'
[ -z "$missing" ] || fail 20 "these programs are missing: $missing"
