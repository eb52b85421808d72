# What scripts ask about releases. They are in deploy_to when they call it.
# Functions: is_release NAME, revision_of NAME, current_target, went_live
# Variables of its own: revision, now, known, noted, last, line, name, release
#
# .live has a line for each time that a release went live here, written as current changes. What others made live is in
# revisions.log, as Capistrano writes it. Where neither is there, as behind plain Shipit, every whole release counts.

# Only what is named as a release is one: somebody may keep other folders there.
is_release() {
  case $1 in *[!0-9]*) return 1 ;; esac
  [ "${#1}" -eq 14 ] && [ -d "releases/$1" ] && [ ! -L "releases/$1" ]
}

revision_of() {
  revision=
  if [ -f "releases/$1/REVISION" ]; then IFS= read -r revision <"releases/$1/REVISION" || :; fi
  printf '%s\n' "$revision"
}

# What current points at: a path, Capistrano's an absolute one.
current_target() { if [ -L current ]; then readlink current; fi; }

# Prints the releases that are here in the order in which they went live, the current one last. One may come several times.
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
      # Without a repository, the live one has no REVISION, and that is no sign of anything.
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
