# Queries about releases. Callers must be in deploy_to.
# Functions: is_release NAME, revision_of NAME, current_target, went_live
# Own variables: revision, now, known, noted, last, line, name, release
#
# .live has a line for each time a release went live here, written when current changes. What Capistrano made live is in its
# revisions.log. Without either, as after plain Shipit, every complete release counts.

# Only a folder with a release's name is one: there may be others.
is_release() {
  case $1 in *[!0-9]*) return 1 ;; esac
  [ "${#1}" -eq 14 ] && [ -d "releases/$1" ] && [ ! -L "releases/$1" ]
}

revision_of() {
  revision=
  if [ -f "releases/$1/REVISION" ]; then IFS= read -r revision <"releases/$1/REVISION" || :; fi
  printf '%s\n' "$revision"
}

# What current points at: a path, absolute if Capistrano made the link.
current_target() { if [ -L current ]; then readlink current; fi; }

# Prints the existing releases in the order in which they went live, the current one last. One may occur several times.
went_live() {
  now=$(current_target)
  now=${now##*/}
  known=' '
  last=
  if [ -f .live ]; then
    while read -r name; do note_live "$name"; done <.live
  fi
  noted=$known
  if [ -f revisions.log ]; then
    while IFS= read -r line; do
      case $line in
        *' deployed as release '*) name=${line##* deployed as release } ;;
        *' rolled back to release '*) name=${line##* rolled back to release } ;;
        *) continue ;;
      esac
      name=${name%% *}
      case $noted in *" $name "*) ;; *) note_live "$name" ;; esac
    done <revisions.log
  fi
  if [ "$known" = ' ' ]; then
    for release in releases/*; do
      name=${release##*/}
      # If the live release has no REVISION (no repository), a missing one means nothing.
      [ -z "$(revision_of "$now")" ] || [ -n "$(revision_of "$name")" ] || continue
      note_live "$name"
    done
  fi
  [ -z "$now" ] || [ "$now" = "$last" ] || note_live "$now"
}

note_live() {
  is_release "$1" || return 0
  printf '%s\n' "$1"
  known="$known$1 "
  last=$1
}
