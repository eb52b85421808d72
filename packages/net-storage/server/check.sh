# Tells what a server lacks to fetch, verify and unpack an archive. Changes nothing.
# Variables: needs_download (1 or empty)

missing=
lack() { missing="$missing${missing:+; }$1"; }
has() { command -v "$1" >/dev/null 2>&1; }

has tar || lack 'tar'
has gzip || lack 'gzip'
has sha256sum || has shasum || has openssl || lack 'sha256sum, shasum or openssl'
if [ -n "$needs_download" ]; then
  has curl || { has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; } || lack 'curl or GNU wget'
fi
[ -z "$missing" ] || fail 20 "these programs are missing: $missing"
