# Writes standard input to a file, atomically.
# Variables: directory (empty: where the session starts), file, mode (octal)

[ -z "$directory" ] || cd -- "$directory"
case $file in
  /* | ./*) ;;
  *) file=./$file ;;
esac
[ ! -d "$file" ] || fail "$E_IS_FOLDER" "$file is a folder: name the file to write"
part=$file.part-$$
trap 'rm -f "$part"' EXIT
cat >"$part" || fail "$E_WRITE" "cannot write $file: check that its folder exists and is writable, and that the disk is not full"
chmod "$mode" "$part"
mv -f "$part" "$file"
trap - EXIT
