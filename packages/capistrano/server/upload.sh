# Writes standard input to a file, in one step.
# Variables: directory (empty: where the session starts), file, mode (octal)

[ -z "$directory" ] || cd -- "$directory"
case $file in
  /* | ./*) ;;
  *) file=./$file ;;
esac
[ ! -d "$file" ] || fail "$E_IS_FOLDER" "$file is a folder: name the file to write"
part=$file.part-$$
trap 'rm -f "$part"' EXIT
cat >"$part" || fail "$E_WRITE" "cannot write $file: is its folder there, may this user write to it, and is the disk not full?"
chmod "$mode" "$part"
mv -f "$part" "$file"
trap - EXIT
