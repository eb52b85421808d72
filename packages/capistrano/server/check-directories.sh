# Makes the application's folders, and proves that they can be written.
# Variables: deploy_to

mkdir -p -- "$deploy_to" || fail 10 "cannot make the folder $deploy_to: check the owner and mode of the folders above it, or deployTo"
cd -- "$deploy_to" || fail 10 "cannot enter $deploy_to"
can_write . || fail 10 "cannot write to $deploy_to: check its owner and mode, and that its disk is neither full nor mounted read-only"
mkdir -p releases shared
can_write releases || fail 10 "cannot write to $deploy_to/releases: check its owner and mode"

if [ -e current ] && [ ! -L current ]; then
  fail 11 "$deploy_to/current is not a symbolic link: move it out of the way, it will be a link to the current release"
fi
